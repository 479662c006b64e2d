import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { freePort } from './freePort.ts';
import { startProcess } from './processes.ts';
import { isRunning } from './marks.ts';
import { uniquePrefix } from './prefix.ts';
import { startRedis } from './redisServer.ts';
import { useRedis } from './useRedis.ts';

const shared = useRedis();

test('it is the server that was started, with noeviction and no snapshots', async () => {
  const client = shared().connect();
  expect(await client.info('server')).toContain(`tcp_port:${shared().port}`);
  expect(await client.config('GET', 'maxmemory-policy')).toContain('noeviction');
  expect(await client.config('GET', 'save')).toEqual(['save', '']);
  expect(await client.config('GET', 'dir')).toContain(shared().directory);
});

test('two servers know nothing of each other', async () => {
  const other = await startRedis();
  const key = uniquePrefix();
  await shared().connect().set(key, 'here');
  expect(await other.connect().get(key)).toBeNull();
  await other.stop();
});

test('with an append-only file it keeps acknowledged writes through a SIGKILL', async () => {
  const server = await startRedis({ aof: 'always' });
  const client = server.connect();
  await client.set('kept', 'yes');
  await server.kill();
  await server.launch();
  expect(await client.get('kept')).toBe('yes');
  await server.stop();
});

test('without one a shutdown loses everything and the port stays the same', async () => {
  const server = await startRedis();
  const client = server.connect();
  await client.set('kept', 'no');
  const { port } = server;
  await server.shutdown();
  await server.launch();
  expect(server.port).toBe(port);
  expect(await client.get('kept')).toBeNull();
  await server.stop();
});

test('frozen it answers nothing, and everything once it goes on', async () => {
  const server = await startRedis();
  const client = server.connect();
  await client.ping();
  server.pause();
  let answered = false;
  const answer = client.ping().then((pong) => {
    answered = true;
    return pong;
  });
  const impatient = server.connect({ commandTimeout: 100 });
  await expect(impatient.ping()).rejects.toThrow();
  expect(answered).toBe(false);
  server.resume();
  expect(await answer).toBe('PONG');
  await server.stop();
});

test('stopping leaves neither process nor directory, frozen or not', async () => {
  const server = await startRedis();
  const { pid, directory } = server;
  server.pause();
  await server.stop();
  expect(isRunning(pid)).toBe(false);
  expect(existsSync(directory)).toBe(false);
});

test('a redis-server that does not start says why', async () => {
  await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow(/no-such-setting/);
});

test('a port found free can be listened on', async () => {
  const port = await freePort();
  const server = await startProcess(
    process.execPath,
    ['-e', `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`],
    { readyLine: /^up$/ },
  );
  await eventually(() => expect(server.stdout).toContain('up'));
  await server.kill();
});
