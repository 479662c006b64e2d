import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startProcess, startProgram } from '../support/processes.ts';
import { DevCommand } from './devCommand.ts';

const directories = () => readdirSync(tmpdir()).filter((name) => name.startsWith('courier-local-'));

async function nothingLeft(dev: DevCommand): Promise<void> {
  await eventually(() => expect(dev.process.descendants()).toEqual([]), { deadlineMs: 15_000 });
  expect(existsSync(dev.ready.emulator.caFile)).toBe(false);
}

test('it serves what its line says, and SIGTERM ends all of it with exit code 0', async () => {
  const before = directories();
  const dev = await DevCommand.start(['--users', '1']);
  expect(dev.ready.metrics).toHaveLength(3);
  for (const url of dev.ready.metrics) {
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace('/metrics', '/livez'))).status).toBe(200);
    await eventually(async () =>
      expect((await fetch(url.replace('/metrics', '/readyz'))).status).toBe(200),
    );
  }
  expect((await fetch(dev.ready.graphql, { method: 'POST' })).status).toBeGreaterThanOrEqual(400);
  expect(dev.process.stdout.trim().split('\n')).toHaveLength(1);

  dev.process.signal('SIGTERM');
  expect(await dev.process.exited).toEqual({ code: 0, signal: null });
  await nothingLeft(dev);
  expect(directories().filter((name) => !before.includes(name))).toEqual([]);
});

test('killed outright, it still leaves no process and no directory', async () => {
  const before = directories();
  const dev = await DevCommand.start(['--users', '1']);
  dev.process.signal('SIGKILL');
  await dev.process.exited;
  await nothingLeft(dev);
  await eventually(() =>
    expect(directories().filter((name) => !before.includes(name))).toEqual([]),
  );
});

test('a process that dies ends the rest, and the command says which, with its last lines', async () => {
  const dev = await DevCommand.start(['--users', '1']);
  process.kill(dev.pid('emulator'), 'SIGKILL');
  expect((await dev.process.exited).code).toBe(70);
  expect(dev.process.stderr).toContain('emulator ended unexpectedly, by SIGKILL.');
  await nothingLeft(dev);
});

test('told to stop while it starts, it stops', async () => {
  const dev = await startProgram('src/cli/main.ts', ['dev', '--json'], {
    readyLine: /^redis is up/,
  });
  dev.signal('SIGINT');
  expect(await dev.exited).toEqual({ code: 0, signal: null });
  expect(dev.stdout).toBe('');
  await eventually(() => expect(dev.descendants()).toEqual([]));
});

test('through npm: SIGTERM ends it with 0, and npm killed outright does not leave it behind', async () => {
  for (const [signal, exit] of [
    ['SIGTERM', { code: 0, signal: null }],
    ['SIGKILL', { code: null, signal: 'SIGKILL' }],
  ] as const) {
    const npm = await startProcess(
      'npm',
      ['run', '--silent', 'dev', '--', '--json', '--users', '1'],
      { readyLine: /^\{"ready":true/, readyMs: 60_000 },
    );
    npm.signal(signal);
    expect(await npm.exited).toEqual(exit);
    await eventually(() => expect(npm.descendants()).toEqual([]), { deadlineMs: 15_000 });
  }
});

test('a signal to the whole group, as Ctrl-C is, counts once and drains', async () => {
  const npm = await startProcess(
    'npm',
    ['run', '--silent', 'dev', '--', '--json', '--users', '1'],
    {
      readyLine: /^\{"ready":true/,
      readyMs: 60_000,
    },
  );
  process.kill(-npm.pid, 'SIGINT');
  await npm.exited;
  await eventually(() => expect(npm.descendants()).toEqual([]), { deadlineMs: 15_000 });
  expect(npm.stderr).not.toContain('had to be killed');
});
