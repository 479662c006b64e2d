import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../scripts/bootstrap/commands.mjs';
import { type StartOptions, startProcess } from '../support/processes.ts';
import { pathWith, temporaryDirectory, writeFiles } from './sandbox.ts';

/** Stands in for a program of the project: tells what it got, then does as its argument says. */
const PROGRAM = `
const [, , ...args] = process.argv;
let seen = 0;
const count = () => { seen += 1; };
if (args.includes('wait')) process.on('SIGINT', count).on('SIGTERM', count);
console.log(JSON.stringify({ args, cwd: process.cwd(), redis: process.env.REDIS_SERVER_BIN }));
if (args.includes('wait')) {
  const timer = setInterval(() => {
    // Long enough for a second signal to show that one was passed on twice.
    if (seen > 0) { clearInterval(timer); setTimeout(() => { console.log('signals ' + seen); process.exit(5); }, 300); }
  }, 10);
} else {
  process.stdin.pipe(process.stdout);
  process.stdin.on('end', () => { process.exitCode = 3; });
}
`;

/** A clone whose packages are installed and whose programs are the stand-in. */
function clone(): string {
  const root = temporaryDirectory();
  for (const path of ['scripts', 'package.json', 'package-lock.json', '.npmrc']) {
    cpSync(path, join(root, path), { recursive: true });
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
  writeFiles(root, { 'src/emulator/main.ts': PROGRAM, 'src/cli/main.ts': PROGRAM });
  return root;
}

async function bootstrap(root: string, args: readonly string[], options: StartOptions = {}) {
  return startProcess(process.execPath, ['scripts/bootstrap.mjs', ...args], {
    cwd: root,
    ...options,
  });
}

test('arguments, stdin, stdout and the exit code are those of the program, through npm too', async () => {
  const root = clone();
  const npm = await startProcess('npm', ['run', '--silent', 'dev', '--', '--json', 'two words'], {
    cwd: root,
    input: 'from stdin\n',
  });
  expect((await npm.exited).code).toBe(3);
  const [first = '', ...rest] = npm.stdout.split('\n');
  expect(JSON.parse(first)).toEqual({
    args: ['dev', '--json', 'two words'],
    cwd: root,
    redis: expect.stringMatching(/(redis|valkey)-server/),
  });
  expect(rest).toEqual(['from stdin', '']);
});

test('the emulator needs no Redis', async () => {
  const PATH = temporaryDirectory();
  const child = await bootstrap(clone(), ['emulator'], { env: { PATH } });
  expect((await child.exited).code).toBe(3);
  expect(child.stderr).toBe('');
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s reaches the program once', async (signal) => {
  const child = await bootstrap(clone(), ['emulator', 'wait']);
  await child.line(/"wait"/);
  child.signal(signal);
  expect(await child.exited).toEqual({ code: 5, signal: null });
  expect(child.stdout).toContain('signals 1\n');
  expect(child.descendants()).toEqual([]);
});

test('a program that is killed ends the bootstrap with the code a shell gives', async () => {
  const root = clone();
  writeFiles(root, { 'src/emulator/main.ts': "process.kill(process.pid, 'SIGKILL');" });
  const child = await bootstrap(root, ['emulator']);
  expect(await child.exited).toEqual({ code: 137, signal: null });
});

test('a command that there is not is refused with those there are', async () => {
  const child = await bootstrap(clone(), ['dmeo']);
  expect((await child.exited).code).toBe(2);
  expect(child.stderr).toBe(
    `shadow-courier: there is no command "dmeo": say one of ${Object.keys(COMMANDS).join(', ')}.\n`,
  );
});

test('without Redis and a way to get one the command ends with a sentence and code 1', async () => {
  const PATH = temporaryDirectory();
  const child = await bootstrap(clone(), ['demo'], { env: { PATH, REDIS_SERVER_BIN: undefined } });
  expect((await child.exited).code).toBe(1);
  expect(child.stderr).toContain('Install redis-server or valkey-server 7 or newer');
  expect(child.stderr).not.toContain('    at ');
  expect(child.stdout).toBe('');
});

test('what npm ci says goes to stderr, and the command follows', async () => {
  const root = clone();
  writeFiles(root, {
    'package-lock.json': { packages: { 'node_modules/new-one': { version: '1.0.0' } } },
  });
  const PATH = pathWith({ npm: 'echo "added 1 package"' });
  const child = await bootstrap(root, ['emulator'], {
    env: { PATH, npm_execpath: undefined },
  });
  expect((await child.exited).code).toBe(3);
  expect(child.stderr).toContain(
    'node_modules/new-one is missing: running npm ci.\nadded 1 package',
  );
  expect(child.stdout).not.toContain('added');
});

test('a signal during the set-up ends it, and the command does not start', async () => {
  const root = clone();
  writeFiles(root, {
    'package-lock.json': { packages: { 'node_modules/new-one': { version: '1.0.0' } } },
  });
  const PATH = pathWith({ npm: 'echo installing; exec /bin/sleep 1000' });
  const child = await bootstrap(root, ['emulator'], { env: { PATH, npm_execpath: undefined } });
  await child.line(/^installing$/);
  child.signal('SIGTERM');
  expect((await child.exited).code).toBe(143);
  expect(child.stdout).toBe('');
  expect(child.descendants()).toEqual([]);
});
