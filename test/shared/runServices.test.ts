import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type RunningProcess, startProgram } from '../support/processes.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures/services.ts');

async function start(...args: string[]): Promise<RunningProcess> {
  const child = await startProgram(FIXTURE, args);
  await child.line(/^ready$/);
  return child;
}

/** What the services said, without the log's lines. */
const said = (child: RunningProcess) =>
  child.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('{'));

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s turns readiness off, stops the last service first and ends with 0',
  async (signal) => {
    const child = await start('drains');
    child.signal(signal);
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(said(child)).toEqual([
      'store started',
      'work started',
      'ready',
      'quiet',
      'work stopping',
      'store stopped',
    ]);
  },
);

test('at the deadline what still drains is aborted, and the exit says so', async () => {
  const child = await start('lingers', '50');
  child.signal('SIGTERM');
  expect(await child.exited).toEqual({ code: 75, signal: null });
  expect(said(child).slice(-3)).toEqual(['work stopping', 'work aborted', 'store stopped']);
});

test('a service that does not even abort is abandoned, and named', async () => {
  const child = await start('deaf', '50');
  child.signal('SIGTERM');
  expect(await child.exited).toEqual({ code: 75, signal: null });
  expect(said(child).at(-1)).toBe('store stopped');
  expect(child.stdout).toMatch(/"service":"work".*abandoned/);
});

test('a second signal does not wait for the deadline', async () => {
  const child = await start('lingers');
  child.signal('SIGTERM');
  await child.line(/^work stopping$/);
  child.signal('SIGINT');
  expect(await child.exited).toEqual({ code: 75, signal: null });
  expect(said(child)).toContain('work aborted');
});

test('the same signal again later aborts too', async () => {
  const child = await start('lingers');
  child.signal('SIGINT');
  await child.line(/^work stopping$/);
  // A person's second Ctrl-C; the first half second belongs to the echo of the first.
  await eventually(() => {
    child.signal('SIGINT');
    expect(child.hasExited).toBe(true);
  });
  expect(await child.exited).toEqual({ code: 75, signal: null });
});

test('a kill that arrives directly and through npm is one wish to stop, not two', async () => {
  const child = await start('lingers', '2000');
  for (let arrival = 0; arrival < 5; arrival += 1) child.signal('SIGTERM');
  // Were it a second wish, this would end at once, and say so.
  expect(await child.exited).toEqual({ code: 75, signal: null });
  expect(child.stdout).not.toContain('second signal');
});

test('a start that fails says what to do, stops what had started and ends with its own code', async () => {
  const child = await startProgram(FIXTURE, ['fails']);
  expect(await child.exited).toEqual({ code: 69, signal: null });
  expect(child.stdout).toContain('The port is taken.');
  expect(child.stdout).toContain('"remedy":"Free it."');
  expect(said(child).at(-1)).toBe('store stopped');
  expect(child.stdout).not.toContain('    at ');
});

test('a bug at the start ends with 70 and its stack', async () => {
  const child = await startProgram(FIXTURE, ['throws']);
  expect(await child.exited).toEqual({ code: 70, signal: null });
  expect(child.stdout).toContain('a bug');
});
