import { expect, test } from 'vitest';
import { startProgram } from '../support/processes.ts';

test('the bench measures a row against its peers and prints it as a table', async () => {
  const bench = await startProgram('bench/fleet/main.ts', ['--tiny', '--only', 'batch']);
  expect(await bench.exited, bench.stderr).toMatchObject({ code: 0 });
  const rows = bench.stdout.split('\n').filter((line) => line.startsWith('| batch'));
  expect(rows.map((row) => row.split(' | ')[1])).toEqual([
    'a bare aws-crt loop',
    'BullMQ doing nothing, enqueued beforehand',
  ]);
  // Whatever the figures are, each side got something done.
  for (const row of rows) expect(row).not.toMatch(/NaN|Infinity|\| 0\/s/);
});

test('a row that does not exist is named, with those that do', async () => {
  const bench = await startProgram('bench/fleet/main.ts', ['--only', 'speed']);
  expect(await bench.exited).toMatchObject({ code: 2 });
  expect(bench.stderr).toMatch(/no row speed; there are batch, .*takeover/);
});

test('an option that does not exist is named, with those that do', async () => {
  const bench = await startProgram('bench/fleet/main.ts', ['--slow']);
  expect(await bench.exited).toMatchObject({ code: 2 });
  expect(bench.stderr).toMatch(/Unknown option '--slow'[^]*--quick[^]*takeover/);
  expect(bench.stderr).not.toContain('    at ');
});
