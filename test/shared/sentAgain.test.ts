import { expect, onTestFinished, test } from 'vitest';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { IdentityDirectory } from '../../src/shared/store/identityDirectory.ts';
import { Vault } from '../../src/shared/vault/vault.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { RedisRelay } from '../support/redisRelay.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();
const vault = new Vault({ active: 'k1', byId: new Map([['k1', Buffer.alloc(32, 1)]]) });

/** A connection over a relay that can lose an answer; what was sent is sent again then. */
async function overRelay() {
  const relay = await RedisRelay.start(redis().port);
  const client = connectRedis(relay.url).on('error', () => undefined);
  onTestFinished(async () => {
    client.disconnect();
    await relay.stop();
  });
  return { relay, client, keys: new Keys(uniquePrefix('again')) };
}

test('a registration whose answer was lost is no other one that was there before', async () => {
  const { relay, client, keys } = await overRelay();
  const directory = new IdentityDirectory(client, keys, new ShardQueues(client, keys), vault, 2);
  const register = (username: string) =>
    directory.register({ username, secret: { password: 'p' } });
  // Redis knows the script from here on.
  await register('ann');
  relay.loseAnswerTo(/nameKey/);
  const { id } = await register('bob');
  expect(relay.hasLost).toBe(true);
  expect(await directory.findByUsername('bob')).toMatchObject({ id });
  await expect(register('bob')).rejects.toMatchObject({ code: 'IDENTITY_EXISTS' });
});

test('a group whose answer was lost is no other one that was there before', async () => {
  const { relay, client, keys } = await overRelay();
  const groups = new GroupDirectory(client, keys, 2);
  await groups.create('plant', undefined, 'tests');
  relay.loseAnswerTo(/createdBy/);
  const { id } = await groups.create('office', undefined, 'tests');
  expect(relay.hasLost).toBe(true);
  expect(await groups.find('office')).toMatchObject({ id });
  const again = groups.create('office', undefined, 'tests');
  await expect(again).rejects.toMatchObject({ code: 'GROUP_EXISTS' });
});
