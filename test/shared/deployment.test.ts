import { Transform } from 'node:stream';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { joinDeployment } from '../../src/shared/store/deployment.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { startRedis } from '../support/redisServer.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();

function clientOf(url: string) {
  const client = connectRedis(url);
  onTestFinished(() => client.disconnect());
  return client;
}

/** The address of a Redis that says of itself that it is version 6, and is what it is otherwise. */
async function olderThanItIs(port: number): Promise<string> {
  const server = createServer((client) => {
    const older = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const text = chunk.toString('latin1').replace(/redis_version:\d\./, 'redis_version:6.');
        done(null, Buffer.from(text, 'latin1'));
      },
    });
    client.pipe(connect(port, '127.0.0.1')).pipe(older).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a Redis older than 7 is refused with its version', async () => {
  const client = clientOf(await olderThanItIs(redis().port));
  await expect(joinDeployment(client, new Keys(uniquePrefix('old')), 4)).rejects.toMatchObject({
    code: 'REDIS_TOO_OLD',
    message: expect.stringMatching(/version 6\..*needs 7 or newer/),
  });
});

test('a full Redis lets processes join a deployment that it has, and says why it takes no new one', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const client = clientOf(server.url);
  const keys = new Keys(uniquePrefix('full'));
  await joinDeployment(client, keys, 4);
  await server.connect().config('SET', 'maxmemory', '1');
  await joinDeployment(client, keys, 4);
  await expect(joinDeployment(client, keys, 5)).rejects.toThrow('made with 4');
  const refused = joinDeployment(client, new Keys(uniquePrefix('new')), 4);
  await expect(refused).rejects.toMatchObject({
    code: 'REDIS_REFUSED',
    message: expect.stringContaining('OOM'),
  });
});

test('a user of Redis that may not do what is needed is named, with what it may not', async () => {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  await server.connect().call('ACL', 'SETUSER', 'guest', 'on', '>a-word', '~other*', '+@all');
  const client = clientOf(`redis://guest:a-word@127.0.0.1:${server.port}`);
  const refused = joinDeployment(client, new Keys(uniquePrefix('guest')), 4);
  await expect(refused).rejects.toMatchObject({
    code: 'REDIS_REFUSED',
    message: expect.stringContaining('NOPERM'),
  });
});
