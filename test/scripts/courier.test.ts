import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startProcess } from '../support/processes.ts';
import { temporaryDirectory, writeFiles } from './sandbox.ts';

const TELL = 'console.log(JSON.stringify(process.argv.slice(2)));';

async function courier(root: string, args: readonly string[]): Promise<unknown> {
  const process_ = await startProcess(process.execPath, ['bin/courier.mjs', ...args], {
    cwd: root,
  });
  expect(await process_.exited).toMatchObject({ code: 0 });
  return JSON.parse(process_.stdout.trim());
}

/** Stands in for `scripts/bootstrap.mjs`, which has tests of its own, or for what was built. */
function sandbox(files: Readonly<Record<string, string>>): string {
  const root = temporaryDirectory();
  cpSync('bin', join(root, 'bin'), { recursive: true });
  writeFiles(root, { 'package.json': '{"type":"module"}', ...files });
  return root;
}

test('courier in a clone runs from its source, set up first', async () => {
  const root = sandbox({ 'src/cli/main.ts': '', 'scripts/bootstrap.mjs': TELL });
  expect(await courier(root, ['vault', 'reencrypt'])).toEqual(['courier', 'vault', 'reencrypt']);
  expect(await courier(root, [])).toEqual(['courier']);
});

test.each(['demo', 'dev', 'emulator'])(
  'courier %s in a clone is what npm run does',
  async (name) => {
    const root = sandbox({ 'src/cli/main.ts': '', 'scripts/bootstrap.mjs': TELL });
    expect(await courier(root, [name, '--users', '3'])).toEqual([name, '--users', '3']);
  },
);

test('courier without its source runs what was built', async () => {
  const root = sandbox({ 'dist/cli/main.js': TELL });
  expect(await courier(root, ['emulator', '--help'])).toEqual(['emulator', '--help']);
});
