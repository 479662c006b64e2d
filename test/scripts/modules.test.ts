import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureModules, whyInstall } from '../../scripts/bootstrap/modules.mjs';
import { pathWith, temporaryDirectory, writeFiles } from './sandbox.ts';

const WANTED = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/left': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-b', optional: true },
  },
};
const INSTALLED = {
  packages: { 'node_modules/left': { version: '1.0.0', integrity: 'sha512-a' } },
};

function cloneWith(files: Readonly<Record<string, unknown>>): string {
  const root = temporaryDirectory();
  writeFiles(root, { 'package-lock.json': WANTED, ...files });
  return root;
}

test('a fresh clone needs an install', () => {
  expect(whyInstall(cloneWith({}))).toBe('node_modules is not there yet');
});

test('an install that was cut short is done again', () => {
  const root = cloneWith({ 'node_modules/left/package.json': {} });
  expect(whyInstall(root)).toBe('the last install did not finish');
});

test('what the lockfile asks for is left alone, without packages of other platforms', () => {
  const root = cloneWith({
    'node_modules/.package-lock.json': INSTALLED,
    'node_modules/left/package.json': {},
  });
  expect(whyInstall(root)).toBeUndefined();
});

test('a lockfile that moved on needs an install', () => {
  const root = cloneWith({
    'node_modules/.package-lock.json': {
      packages: { 'node_modules/left': { version: '0.9.0', integrity: 'sha512-z' } },
    },
    'node_modules/left/package.json': {},
  });
  expect(whyInstall(root)).toBe('node_modules/left is 0.9.0, and 1.0.0 is asked for');
});

test('a package that somebody removed needs an install', () => {
  const root = cloneWith({ 'node_modules/.package-lock.json': INSTALLED });
  expect(whyInstall(root)).toBe('node_modules/left is missing');
});

test('the install is npm ci with what development needs, whatever the environment says', async () => {
  const root = cloneWith({});
  const PATH = pathWith({ npm: 'echo "$PWD: $*" > "$PWD/asked"' });
  await ensureModules(root, { PATH, NODE_ENV: 'production' });
  expect(readFileSync(join(root, 'asked'), 'utf8')).toBe(
    `${root}: ci --include=dev --include=optional --loglevel=notice\n`,
  );
});

test('an install that fails says what to do', async () => {
  const env = { PATH: pathWith({ npm: 'exit 7' }) };
  await expect(ensureModules(cloneWith({}), env)).rejects.toThrow(
    /^npm ci failed with code 7, .* run the same command again\.$/,
  );
});
