import { expect, test } from 'vitest';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { IdentityDirectory } from '../../src/shared/store/identityDirectory.ts';
import { openSecret } from '../../src/shared/store/identitySecret.ts';
import { resealSecrets } from '../../src/shared/store/vaultReseal.ts';
import { Vault } from '../../src/shared/vault/vault.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { startProgram } from '../support/processes.ts';
import { useRedis } from '../support/useRedis.ts';

const redisServer = useRedis();
const SHARDS = 4;
const OLD = Buffer.alloc(32, 1);
const NEW = Buffer.alloc(32, 2);
const text = (id: string, key: Buffer) => `${id}:${key.toString('base64')}`;
const oldVault = new Vault({ active: 'old', byId: new Map([['old', OLD]]) });
const newVault = new Vault({ active: 'new', byId: new Map([['new', NEW]]) });
const both = new Vault({
  active: 'new',
  byId: new Map([
    ['new', NEW],
    ['old', OLD],
  ]),
});

async function deployment(users: number) {
  const keys = new Keys(uniquePrefix('vault'));
  const redis = connectRedis(redisServer().url);
  const queueRedis = connectRedis(redisServer().url);
  const queues = new ShardQueues(queueRedis, keys);
  const directory = new IdentityDirectory(redis, keys, queues, oldVault, SHARDS);
  const identities = await Promise.all(
    Array.from({ length: users }, (_, at) =>
      directory.register({ username: `user-${at}`, secret: { password: `password-${at}` } }),
    ),
  );
  for (const { id, shard } of identities) {
    const key = keys.shard(shard).credentials(id);
    await redis.set(key, oldVault.seal('{}', `credentials:${id}`), 'PX', 3_600_000);
  }
  const secretOf = async (vault: Vault, at: number) => {
    const { id = '', shard = 0 } = identities[at] ?? {};
    const sealed = await redis.get(keys.shard(shard).secret(id));
    return openSecret(vault, id, sealed ?? '');
  };
  const close = async () => {
    await queues.close();
    redis.disconnect();
    queueRedis.disconnect();
  };
  const env = {
    REDIS_URL: redisServer().url,
    KEY_PREFIX: keys.prefix,
    SHARD_COUNT: String(SHARDS),
  };
  return { keys, redis, identities, secretOf, close, env };
}

test('every secret is sealed with the first key, and the old key can be retired', async () => {
  const { env, redis, keys, identities, secretOf, close } = await deployment(5);
  const run = () =>
    startProgram('src/cli/main.ts', ['vault', 'reencrypt'], {
      env: { ...env, VAULT_KEYS: `${text('new', NEW)},${text('old', OLD)}` },
    });
  const first = await run();
  expect(await first.exited).toMatchObject({ code: 0 });
  expect(first.stdout).toContain('5 identities: 10 secrets sealed with new, 0 were already');
  for (const at of [0, 1, 2, 3, 4]) {
    expect(await secretOf(newVault, at)).toEqual({ password: `password-${at}` });
  }
  const [{ id, shard } = { id: '', shard: 0 }] = identities;
  expect(await redis.pttl(keys.shard(shard).credentials(id))).toBeGreaterThan(0);
  const second = await run();
  await second.exited;
  expect(second.stdout).toContain('0 secrets sealed with new, 10 were already');
  await close();
});

test('what does not open is told, left as it is, and does not stop the rest', async () => {
  const { env, redis, keys, identities, secretOf, close } = await deployment(3);
  const [{ id, shard } = { id: '', shard: 0 }] = identities;
  const strange = new Vault({ active: 'lost', byId: new Map([['lost', Buffer.alloc(32, 9)]]) });
  const sealed = strange.seal('{"password":"x"}', `secret:${id}`);
  await redis.set(keys.shard(shard).secret(id), sealed);
  const child = await startProgram('src/cli/main.ts', ['vault', 'reencrypt'], {
    env: { ...env, VAULT_KEYS: `${text('new', NEW)},${text('old', OLD)}` },
  });
  expect(await child.exited).toMatchObject({ code: 70 });
  expect(child.stderr).toMatch(/1 secrets could not be opened[\s\S]+"lost"[\s\S]+VAULT_KEYS/);
  expect(await redis.get(keys.shard(shard).secret(id))).toBe(sealed);
  expect(await secretOf(newVault, 1)).toEqual({ password: 'password-1' });
  await close();
});

test('a run that stops half-way leaves everything readable, and the next one completes it', async () => {
  const { redis, keys, secretOf, close } = await deployment(8);
  // Stopped after the first shard that had any.
  for await (const { resealed } of resealSecrets(redis, keys, both, SHARDS))
    if (resealed > 0) break;
  for (let at = 0; at < 8; at += 1) {
    expect(await secretOf(both, at)).toEqual({ password: `password-${at}` });
  }
  for await (const { failures } of resealSecrets(redis, keys, both, SHARDS)) {
    expect(failures).toEqual([]);
  }
  for (let at = 0; at < 8; at += 1) {
    expect(await secretOf(newVault, at)).toEqual({ password: `password-${at}` });
  }
  await close();
});

test('without its variables it says which, and ends with 78', async () => {
  const child = await startProgram('src/cli/main.ts', ['vault', 'reencrypt'], {});
  expect(await child.exited).toMatchObject({ code: 78 });
  expect(child.stderr).toContain('VAULT_KEYS is not set');
});
