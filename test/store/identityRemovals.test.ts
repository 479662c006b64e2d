import { expect, test } from 'vitest';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { runScript } from '../../src/shared/redis/script.ts';
import { GroupDeletions } from '../../src/shared/store/groupDeletions.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { IdentityDirectory } from '../../src/shared/store/identityDirectory.ts';
import { IdentityEditor } from '../../src/shared/store/identityEditor.ts';
import { IdentityRemovals } from '../../src/shared/store/identityRemovals.ts';
import { CANCEL_OF_IDENTITY } from '../../src/shared/store/lua/identityRemovalScripts.ts';
import { usernameDigest } from '../../src/shared/store/usernameDigest.ts';
import { RemovalSweep } from '../../src/workers/removals/removalSweep.ts';
import { keysLike } from '../support/servers.ts';
import { auditShard } from './support/auditShard.ts';
import { Cut, CutOff, cutEverywhere } from './support/cutOff.ts';
import { request, type ShardWorld } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();
const settings = { shardCount: 1, retentionMs: 600_000 };
const ORDER = { pending: 'CANCEL', actor: 'tests', reason: 'left' } as const;
const COGNITO_ID = 'eu-west-1:00000000-0000-0000-0000-000000000001';
const ANN = { username: 'ann', secret: { password: 'a password' }, tags: ['a'] };

/** Ann, who is verified, a member of two groups, and has updates in two lanes. */
async function ann() {
  const world = await openWorld();
  const { redis, keys, queues, shardKeys } = world;
  const directory = new IdentityDirectory(redis, keys, queues, world.vault, 1);
  const groups = new GroupDirectory(redis, keys, 1);
  const { id } = await directory.register(ANN);
  await redis.hset(shardKeys.identity(id), 'cognitoId', COGNITO_ID);
  await redis.set(keys.cognitoId(COGNITO_ID), id);
  const groupIds: string[] = [];
  for (const name of ['office', 'plant']) {
    const group = await groups.create(name, undefined, 'tests');
    await groups.add(group.id, id);
    groupIds.push(group.id);
  }
  const updates = await world.accept(
    [1, 2, 3].map((at) => request(id, { thing: `device_${at % 2}` })),
  );
  return { world, directory, groups, groupIds, id, updates };
}

type Ann = Awaited<ReturnType<typeof ann>>;

const editorOf = ({ redis, keys, queues }: ShardWorld, cut?: Cut) =>
  cut === undefined
    ? new IdentityEditor(redis, keys, queues, settings)
    : new IdentityEditor(cut.of(redis), keys, cut.of(queues), settings);

async function removeUntil(cut: Cut, { world, id }: Ann): Promise<'cut' | 'ended'> {
  try {
    await editorOf(world, cut).remove(id, ORDER);
    return 'ended';
  } catch (error) {
    if (error instanceof CutOff) return 'cut';
    throw error;
  }
}

/** Up to the note of what is left to do. */
async function beginRemoval(before: Ann): Promise<void> {
  for (let calls = 1; (await before.directory.find(before.id)) !== undefined; calls += 1) {
    await removeUntil(new Cut(calls), before);
  }
}

/** As the owner of the shard does, however short ago the removal was cut off. */
function sweepOf({ redis, keys, queues }: ShardWorld, cut = new Cut(Infinity), patienceMs = 0) {
  const client = cut.of<RedisClient>(redis);
  const removals = new IdentityRemovals(client, keys, cut.of(queues), 1);
  return new RemovalSweep(removals, new GroupDeletions(client, keys, 1), patienceMs);
}

/** Nobody is left of it, nothing waits, and every group and key of its own is free. */
async function expectGone({ world, groups, groupIds, id, updates, directory }: Ann): Promise<void> {
  await auditShard(world);
  const { redis, keys, shardKeys } = world;
  expect(await directory.find(id)).toBeUndefined();
  for (const groupId of groupIds) expect(await groups.memberIds(groupId)).not.toContain(id);
  expect(await redis.get(keys.username(usernameDigest('ann')))).not.toBe(id);
  expect(await redis.get(keys.cognitoId(COGNITO_ID))).not.toBe(id);
  for (const update of updates) {
    expect(await redis.hmget(shardKeys.update(update), 'state', 'cancelReason')).toEqual([
      'CANCELED',
      'left',
    ]);
  }
  expect(await redis.zrange(shardKeys.removals, 0, '-1')).toEqual([]);
  expect(await redis.pttl(shardKeys.removed(id))).toBeGreaterThan(0);
  const left = await keysLike(redis, `*${keys.prefix}*`);
  const ofIdentity = left.filter((key) => key.includes(id) && !/:(deliver|i:o):?/.test(key));
  expect(ofIdentity).toEqual([shardKeys.removed(id)]);
}

test('a removal that is cut off anywhere is ended by doing it again', async () => {
  const steps = await cutEverywhere(async (cut) => {
    const before = await ann();
    const end = await removeUntil(cut, before);
    const editor = editorOf(before.world);
    if (end === 'cut') {
      expect(await editor.remove(before.id, ORDER)).toMatchObject({ username: 'ann', inFlight: 0 });
    }
    await expectGone(before);
    const { redis, shardKeys } = before.world;
    expect(Object.keys(await redis.hgetall(shardKeys.removed(before.id)))).toEqual(['ended']);
    await expect(editor.remove(before.id, ORDER)).rejects.toMatchObject({
      code: 'IDENTITY_NOT_FOUND',
    });
    return end;
  });
  expect(steps).toBeGreaterThan(8);
});

test('a removal that is cut off anywhere is ended by the owner of its shard', async () => {
  const steps = await cutEverywhere(async (cut) => {
    const before = await ann();
    const end = await removeUntil(cut, before);
    const begun = (await before.directory.find(before.id)) === undefined;
    const ended = await sweepOf(before.world).sweep(0);
    if (begun) await expectGone(before);
    expect(ended).toEqual(end === 'cut' && begun ? [{ what: 'identity', id: before.id }] : []);
    expect(await sweepOf(before.world).sweep(0)).toEqual([]);
    return end;
  });
  expect(steps).toBeGreaterThan(8);
});

test('what the owner of a shard ends may be cut off anywhere again', async () => {
  await cutEverywhere(async (cut) => {
    const before = await ann();
    await beginRemoval(before);
    const sweep = sweepOf(before.world, cut).sweep(0);
    const end = await sweep.then(
      () => 'ended' as const,
      (error: unknown) => {
        if (error instanceof CutOff) return 'cut' as const;
        throw error;
      },
    );
    await sweepOf(before.world).sweep(0);
    await expectGone(before);
    return end;
  });
});

test('a removal that somebody goes on with is left to whom it is', async () => {
  const before = await ann();
  const { world, id } = before;
  const { redis, shardKeys } = world;
  await beginRemoval(before);
  expect(await sweepOf(world, undefined, 15_000).sweep(0)).toEqual([]);
  // As if it had been begun long ago: a cancellation is a sign of life.
  await redis.zadd(shardKeys.removals, 1, id);
  const args = [id, 'tests', 'left', settings.retentionMs, 1];
  await runScript(redis, CANCEL_OF_IDENTITY, [shardKeys.lease], args);
  expect(await sweepOf(world, undefined, 15_000).sweep(0)).toEqual([]);
  await redis.zadd(shardKeys.removals, 1, id);
  expect(await sweepOf(world, undefined, 15_000).sweep(0)).toEqual([{ what: 'identity', id }]);
  await expectGone(before);
});

test('a removal that cannot be ended keeps no other one waiting, and is tried again', async () => {
  const before = await ann();
  const { world, directory, id } = before;
  const { redis, keys, shardKeys } = world;
  const other = await directory.register({ ...ANN, username: 'bob' });
  await beginRemoval(before);
  await beginRemoval({ ...before, id: other.id });
  // Redis refuses what the removal wants of it.
  await redis.del(keys.cognitoId(COGNITO_ID));
  await redis.lpush(keys.cognitoId(COGNITO_ID), 'not a text');
  await redis.zadd(shardKeys.removals, 1, id);
  expect(await sweepOf(world).sweep(0)).toMatchObject([
    { what: 'identity', id, error: expect.any(Error) as unknown },
    { what: 'identity', id: other.id },
  ]);
  expect(Number(await redis.zscore(shardKeys.removals, id))).toBeGreaterThan(1);
  await redis.del(keys.cognitoId(COGNITO_ID));
  expect(await sweepOf(world).sweep(0)).toEqual([{ what: 'identity', id }]);
  await expectGone(before);
});

test('a username whose removal was cut off anywhere is registered as another identity at once', async () => {
  await cutEverywhere(async (cut) => {
    const before = await ann();
    const { world, directory, groups, groupIds } = before;
    const end = await removeUntil(cut, before);
    if ((await directory.find(before.id)) !== undefined) {
      // Nothing was begun.
      await expect(directory.register(ANN)).rejects.toMatchObject({ code: 'IDENTITY_EXISTS' });
      return end;
    }
    const again = await directory.register(ANN);
    expect(again.id).not.toBe(before.id);
    expect(again.groupIds).toEqual([]);
    expect(await directory.findByUsername('ann')).toMatchObject({ id: again.id });
    const owner = await world.takeOver();
    expect(await owner.records.claimCognitoId(COGNITO_ID, again.id)).toBe(again.id);
    // Where all but the end of the note was done, nothing led the registration to it.
    await sweepOf(world).sweep(0);
    await expectGone(before);
    for (const groupId of groupIds) expect(await groups.memberCount(groupId)).toBe(0);
    return end;
  });
});

test('what a removal waits for when it is refused stays as it was', async () => {
  const { world, directory, id, groups, groupIds } = await ann();
  const refused = editorOf(world).remove(id, { ...ORDER, pending: 'REFUSE' });
  await expect(refused).rejects.toMatchObject({
    code: 'IDENTITY_HAS_PENDING',
    message: expect.stringContaining('ann has 3 updates') as unknown,
  });
  expect(await directory.find(id)).toMatchObject({ username: 'ann', tags: ['a'] });
  expect(await groups.memberIds(groupIds[0] ?? '')).toEqual([id]);
  expect(await world.redis.exists(world.shardKeys.removed(id))).toBe(0);
});

test('a registration that read the username just before a removal ended makes nobody anew', async () => {
  const before = await ann();
  const { world, id } = before;
  const { redis, keys, queues, vault } = world;
  // The registration holds the id that it read when the removal lets the username go.
  const late = new Proxy(redis, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        const answer = (await Reflect.apply(value, target, args)) as unknown;
        if (name === 'set' && answer === id) await editorOf(world).remove(id, ORDER);
        return answer;
      };
    },
  });
  const again = await new IdentityDirectory(late, keys, queues, vault, 1).register(ANN);
  expect(again.id).not.toBe(id);
  await expectGone(before);
  expect(await redis.get(keys.username(usernameDigest('ann')))).toBe(again.id);
});
