import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { isRunning } from './marks.ts';
import { killLeftovers, startProcess, startProgram } from './processes.ts';

const GRANDCHILD = `
const { spawn } = require('node:child_process');
const sleeper = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
console.log('grandchild ' + sleeper.pid);
setInterval(() => {}, 1000);
`;

async function startWithGrandchild() {
  const parent = await startProcess(process.execPath, ['-e', GRANDCHILD]);
  const [, pid] = await parent.line(/^grandchild (\d+)$/);
  return { parent, grandchild: Number(pid) };
}

test('captures both streams, the exit code and takes input', async () => {
  const child = await startProcess('sh', ['-c', 'cat; echo problem >&2; exit 3'], {
    input: 'hello\n',
  });
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(child.stdout).toBe('hello\n');
  expect(child.stderr).toBe('problem\n');
});

test('a program that ends before its ready line fails the start with what it said', async () => {
  const start = startProcess('sh', ['-c', 'echo no port left; exit 1'], { readyLine: /^ready$/ });
  await expect(start).rejects.toThrow(/ended \(code 1\)[^]*no port left/);
});

test('a program that never gets ready fails the start and does not stay', async () => {
  let said = '';
  try {
    await startProcess('sh', ['-c', 'echo "pid $$"; exec sleep 1000'], {
      readyLine: /^ready$/,
      readyMs: 1000,
    });
  } catch (error) {
    said = String(error);
  }
  const pid = Number(/pid (\d+)/.exec(said)?.[1]);
  expect(pid).toBeGreaterThan(0);
  expect(isRunning(pid)).toBe(false);
});

test('a command that does not exist fails the wait with its name', async () => {
  const child = await startProcess('no-such-program-here', []);
  await expect(child.exited).rejects.toThrow('cannot start no-such-program-here');
});

test('a child sees none of the environment that decides for the developer', async () => {
  process.env.AWS_PROFILE = 'production';
  const child = await startProcess('env', [], {
    env: { REDIS_URL: 'redis://127.0.0.1:1', HOME: undefined },
  });
  await child.exited;
  delete process.env.AWS_PROFILE;
  expect(child.stdout).toMatch(/^PATH=/m);
  expect(child.stdout).toContain('REDIS_URL=redis://127.0.0.1:1');
  expect(child.stdout).not.toMatch(/^(AWS_PROFILE|HOME)=/m);
});

test('killing ends descendants too, those in a group of their own included', async () => {
  const { parent, grandchild } = await startWithGrandchild();
  expect(parent.descendants()).toContain(grandchild);
  await parent.kill();
  await eventually(() => expect(isRunning(grandchild)).toBe(false));
  expect(parent.descendants()).toEqual([]);
});

test('stopping lets a process end by itself, and kills one that does not', async () => {
  const polite = await startProcess(
    'sh',
    ['-c', 'trap "exit 7" TERM; echo up; while :; do sleep 0.05; done'],
    {
      readyLine: /^up$/,
    },
  );
  expect(await polite.stop()).toEqual({ code: 7, signal: null });
  const deaf = await startProcess(
    'sh',
    ['-c', 'trap "" TERM; echo up; while :; do sleep 0.05; done'],
    {
      readyLine: /^up$/,
    },
  );
  expect(await deaf.stop({ deadlineMs: 100 })).toEqual({ code: null, signal: 'SIGKILL' });
});

test('what a test left running is killed at the end of its file', async () => {
  const { parent, grandchild } = await startWithGrandchild();
  expect(await killLeftovers()).toBeGreaterThan(0);
  expect(parent.hasExited).toBe(true);
  await eventually(() => expect(isRunning(grandchild)).toBe(false));
});

test('what runs when the test process itself is killed does not stay', async () => {
  const owner = await startProgram(join(import.meta.dirname, 'fixtures/leaves-a-process.ts'));
  const [, pid] = await owner.line(/^left (\d+)$/);
  // The process alone, as the kernel or a supervisor would: no handler of it can run.
  owner.signal('SIGKILL');
  await eventually(() => expect(isRunning(Number(pid))).toBe(false));
});
