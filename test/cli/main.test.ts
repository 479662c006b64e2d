import { expect, test } from 'vitest';
import { startProgram } from '../support/processes.ts';

const courier = (args: readonly string[], env: Record<string, string> = {}) =>
  startProgram('src/cli/main.ts', args, { env });

test('an unknown option is named, with where the help is', async () => {
  const child = await courier(['dev', '--wrokers', '3']);
  expect((await child.exited).code).toBe(1);
  expect(child.stderr).toMatch(/unknown option '--wrokers'[^]*--workers[^]*--help/);
});

test('a number that is none is refused with its range', async () => {
  const child = await courier(['dev', '--workers', '0']);
  expect((await child.exited).code).toBe(1);
  expect(child.stderr).toContain('It must be a whole number from 1 to 64.');
});

test('without a redis-server it says what to install, and leaves nothing behind', async () => {
  const child = await courier(['dev', '--json'], { REDIS_SERVER_BIN: '/nowhere/redis-server' });
  expect((await child.exited).code).toBe(69);
  expect(child.stderr).toMatch(/redis-server could not be started[^]*REDIS_SERVER_BIN/);
  expect(child.stderr).not.toContain('    at ');
  expect(child.stdout).toBe('');
  expect(child.descendants()).toEqual([]);
});

test('the other programs run as processes that get their own arguments', async () => {
  const child = await courier(['emulator', '--help']);
  expect((await child.exited).code).toBe(0);
  expect(child.stdout).toContain('--users N');
});

test.each(['api', 'worker'])('%s tells its help instead of starting', async (program) => {
  const child = await courier([program, '--help']);
  expect((await child.exited).code).toBe(0);
  expect(child.stdout).toMatch(new RegExp(`^Usage: courier ${program} [^]*\\.env\\.example`));
});

test('a worker takes no arguments, and does not start with one', async () => {
  const child = await courier(['worker', '--shards', '4']);
  expect((await child.exited).code).toBe(1);
  expect(child.stderr).toContain("unknown option '--shards'");
});
