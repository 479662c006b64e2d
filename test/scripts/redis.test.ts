import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureRedis } from '../../scripts/bootstrap/redis.mjs';
import { pathWith, temporaryDirectory } from './sandbox.ts';

const server = (name: string, version: string) =>
  `echo "${name} server v=${version} sha=0 bits=64"`;
const root = process.cwd();

test('the redis-server on PATH is taken', async () => {
  const PATH = pathWith({ 'redis-server': server('Redis', '7.0.15') });
  expect(await ensureRedis(root, { PATH })).toBe(join(PATH, 'redis-server'));
});

test('one that is too old gives way to a newer one further on', async () => {
  const old = pathWith({ 'redis-server': server('Redis', '6.0.16') });
  const newer = pathWith({ 'redis-server': server('Redis', '8.2.1') });
  expect(await ensureRedis(root, { PATH: `${old}:${newer}` })).toBe(join(newer, 'redis-server'));
});

test('Valkey will do', async () => {
  const PATH = pathWith({ 'valkey-server': server('Valkey', '8.1.1') });
  expect(await ensureRedis(root, { PATH })).toBe(join(PATH, 'valkey-server'));
});

test('REDIS_SERVER_BIN goes before PATH, and is held to the same version', async () => {
  const PATH = pathWith({ 'redis-server': server('Redis', '7.0.15') });
  const good = join(pathWith({ mine: server('Redis', '7.4.0') }), 'mine');
  const old = join(pathWith({ mine: server('Redis', '5.0.3') }), 'mine');
  expect(await ensureRedis(root, { PATH, REDIS_SERVER_BIN: good })).toBe(good);
  await expect(ensureRedis(root, { PATH, REDIS_SERVER_BIN: old })).rejects.toThrow(
    `REDIS_SERVER_BIN names ${old}, which is version 5.0.3. ` +
      'Point it at a redis-server 7 or newer, or unset it.',
  );
  await expect(ensureRedis(root, { PATH, REDIS_SERVER_BIN: '/nowhere' })).rejects.toThrow(
    'REDIS_SERVER_BIN names /nowhere, which is no redis-server that runs.',
  );
});

test('without any way to get one, a sentence says why and what to do', async () => {
  await expect(ensureRedis(root, { PATH: temporaryDirectory() })).rejects.toThrow(
    'there is no redis-server on PATH, and I could not get one ' +
      '(there is no apt-get; there is no brew; there is no Docker). ' +
      'Install redis-server or valkey-server 7 or newer, or set REDIS_SERVER_BIN to one, ' +
      'and run the same command again.',
  );
});

test('apt never touches a Redis that the machine has', async () => {
  const touched = join(temporaryDirectory(), 'touched');
  const PATH = pathWith({
    'redis-server': server('Redis', '6.0.16'),
    'apt-get': `[ "$1" = --version ] || echo > '${touched}'`,
  });
  await expect(ensureRedis(root, { PATH })).rejects.toThrow(
    'redis-server is 6.0.16, and 7 or newer is needed, and I could not get one ' +
      '(apt would upgrade the Redis that you have, which is yours to decide;',
  );
  expect(existsSync(touched)).toBe(false);
});

test('brew installs one where there is none, and it is found outside of PATH', async () => {
  const prefix = temporaryDirectory();
  const bin = `${prefix}/opt/redis/bin`;
  const PATH = pathWith({
    brew: `
      export PATH=/usr/bin:/bin
      [ "$1" = --prefix ] && echo '${prefix}' && exit
      [ "$*" = 'install redis' ] || exit 1
      mkdir -p '${bin}'
      printf '#!/bin/sh\\n%s\\n' '${server('Redis', '8.2.1')}' > '${bin}/redis-server'
      chmod +x '${bin}/redis-server'`,
  });
  expect(await ensureRedis(root, { PATH })).toBe(`${bin}/redis-server`);
});

test('Docker is the last resort, once its image is there', async () => {
  const PATH = pathWith({ docker: 'exit 0' });
  const bin = await ensureRedis(root, { PATH });
  expect(bin).toBe(join(root, 'scripts/bootstrap/redis-server-in-docker.mjs'));
  expect(existsSync(bin)).toBe(true);
});

test('a Docker that does not answer is none', async () => {
  const PATH = pathWith({ docker: '[ "$1" = --version ]' });
  await expect(ensureRedis(root, { PATH })).rejects.toThrow('Docker does not answer');
});
