import { afterAll, expect, test } from 'vitest';
import { newIdentityId, shardOf } from '../../src/shared/domain/ids.ts';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { runScript } from '../../src/shared/redis/script.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { GroupRouter } from '../../src/shared/store/groupRouter.ts';
import { IdentityRemovals } from '../../src/shared/store/identityRemovals.ts';
import { CREATE_IDENTITY } from '../../src/shared/store/lua/identityScripts.ts';
import { GroupSweep } from '../../src/workers/groups/groupSweep.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { keysLike } from '../support/servers.ts';
import { useStoreClient } from '../support/useStore.ts';
import { Cut, CutOff } from './support/cutOff.ts';
import { meanwhile, meanwhileEverywhere } from './support/meanwhile.ts';

const SHARDS = 3;
const RETENTION_MS = 600_000;
const ORDER = { pending: 'CANCEL', actor: 'tests', reason: 'left' } as const;
const redis = useStoreClient();
const queues: ShardQueues[] = [];
afterAll(() => Promise.all(queues.map((one) => one.close())));

/** A deployment with an identity, and a group that it is no member of. */
async function plant() {
  const keys = new Keys(uniquePrefix('membership'));
  const jobs = new ShardQueues(redis(), keys);
  queues.push(jobs);
  const on = (client: RedisClient) => new GroupDirectory(client, keys, SHARDS);
  const groups = on(redis());
  const { id: groupId } = await groups.create('plant', undefined, 'tests');
  const id = newIdentityId();
  const shardKeys = keys.shard(shardOf(id, SHARDS));
  await runScript(redis(), CREATE_IDENTITY, [shardKeys.lease], [id, 'sealed', 'username', id]);
  const removals = new IdentityRemovals(redis(), keys, jobs, SHARDS);
  return { keys, groups, groupId, id, on, shardKeys, removals };
}

type Plant = Awaited<ReturnType<typeof plant>>;

const remove = ({ removals, id }: Plant) => removals.remove(id, ORDER, RETENTION_MS);

/** A refusal of an addition is as good as a success that something undid. */
async function add({ on, groupId, id }: Plant, client: RedisClient): Promise<void> {
  await on(client)
    .add(groupId, id)
    .catch((error: unknown) => {
      expect(error).toMatchObject({
        code: expect.stringMatching(/^(IDENTITY|GROUP)_NOT_FOUND$/) as unknown,
      });
    });
}

/** What the group says, and what is noted, are the same. @returns whether it is a member. */
async function agreed({ groups, groupId, id, shardKeys }: Plant): Promise<boolean> {
  const member = (await groups.memberIds(groupId)).includes(id);
  const note = await redis().hget(shardKeys.identity(id), 'groups');
  expect(note?.includes(groupId) ?? false).toBe(member);
  expect((await redis().zscore(shardKeys.grouped(groupId), id)) !== null).toBe(member);
  return member;
}

test('an identity that is removed at any step of its addition to a group is no member', async () => {
  const steps = await meanwhileEverywhere(async (before) => {
    const world = await plant();
    const { client, done } = meanwhile(redis(), before, () => remove(world));
    await add(world, client);
    if (done()) expect(await agreed(world)).toBe(false);
    return done();
  });
  expect(steps).toBeGreaterThan(3);
});

test('an identity that is added to a group at any step of its removal is no member', async () => {
  const steps = await meanwhileEverywhere(async (before) => {
    const world = await plant();
    const { client, done } = meanwhile(redis(), before, () => add(world, redis()));
    const jobs = new ShardQueues(redis(), world.keys);
    queues.push(jobs);
    const removals = new IdentityRemovals(client, world.keys, jobs, SHARDS);
    await removals.remove(world.id, ORDER, RETENTION_MS);
    expect(await agreed(world)).toBe(false);
    return done();
  });
  expect(steps).toBeGreaterThan(3);
});

test('who is added and taken out at the same time is noted as what the group says', async () => {
  for (const [first, second] of [
    ['add', 'remove'],
    ['remove', 'add'],
  ] as const) {
    await meanwhileEverywhere(async (before) => {
      const world = await plant();
      const { groups, groupId, id, on } = world;
      if (first === 'remove') await groups.add(groupId, id);
      const { client, done } = meanwhile(redis(), before, () => groups[second](groupId, id));
      await on(client)[first](groupId, id);
      await agreed(world);
      return done();
    });
  }
});

test('what a race and a crash leave of an addition or a removal, the fleet mends', async () => {
  let left = 0;
  for (const how of ['add', 'remove'] as const) {
    const race = (during: (world: Plant) => Promise<unknown>) =>
      meanwhileEverywhere(async (calls) => {
        for (let before = 0; before < calls; before += 1) {
          const world = await plant();
          const { groups, groupId, id, on } = world;
          if (how === 'remove') await groups.add(groupId, id);
          const { client } = meanwhile(redis(), before, () => during(world));
          const end = on(new Cut(calls).of(client))[how](groupId, id);
          const cut = await end.then(
            () => false,
            (error: unknown) => error instanceof CutOff,
          );
          left += await new GroupSweep(groups).sweep(0);
          await agreed(world);
          expect(await groups.mend(groupId)).toBe(0);
          if (!cut) return false;
        }
        return true;
      });
    await race(remove);
    await race(({ groups, groupId, id }) => groups[how === 'add' ? 'remove' : 'add'](groupId, id));
  }
  expect(left).toBeGreaterThan(0);
});

test('the fleet goes through all groups, a few at a time', async () => {
  const world = await plant();
  const ids = [world.groupId];
  for (let at = 0; at < 25; at += 1) {
    ids.push((await world.groups.create(`group-${at}`, undefined, 'tests')).id);
  }
  for (const id of ids) await redis().zadd(world.keys.groupMembers(id), 1, newIdentityId());
  const sweep = new GroupSweep(world.groups);
  const now = Date.now();
  expect(await sweep.sweep(1, now)).toBe(0);
  expect(await sweep.sweep(0, now)).toBe(10);
  // Not with every round of the shard.
  expect(await sweep.sweep(0, now + 1)).toBe(0);
  expect(await sweep.sweep(0, now + 60_000)).toBe(10);
  expect(await sweep.sweep(0, now + 120_000)).toBe(6);
  const counts = await Promise.all(ids.map((id) => world.groups.memberCount(id)));
  expect(counts.every((count) => count === 0)).toBe(true);
  await redis().zadd(world.keys.groupMembers(ids[1] ?? ''), 1, newIdentityId());
  expect(await sweep.sweep(0, now + 180_000)).toBe(1);
});

const groupKeys = async ({ keys, groupId }: Plant) =>
  (await keysLike(redis(), `*${keys.prefix}*`)).filter((key) => key.includes(groupId));

test('an addition at any step of the deletion of its group leaves nothing, and the reverse', async () => {
  for (const first of ['add', 'delete'] as const) {
    await meanwhileEverywhere(async (before) => {
      const world = await plant();
      const { groups, groupId, on } = world;
      const actions = {
        add: (client: RedisClient) => add(world, client),
        delete: (client: RedisClient) => on(client).delete(groupId),
      };
      const second = first === 'add' ? actions.delete : actions.add;
      const { client, done } = meanwhile(redis(), before, () => second(redis()));
      await actions[first](client);
      if (first === 'add' && !done()) return false;
      expect(await agreed(world)).toBe(false);
      expect(await groupKeys(world)).toEqual([world.keys.groupDeleted(groupId)]);
      expect(await groups.find(groupId)).toBeUndefined();
      return done();
    });
  }
});

test('what is routed at any step of the deletion of its group leaves nothing', async () => {
  const settings = { shardCount: SHARDS, retentionMs: RETENTION_MS };
  const steps = await meanwhileEverywhere(async (before) => {
    const world = await plant();
    const { keys, groups, groupId, id } = world;
    await groups.add(groupId, id);
    const { client, done } = meanwhile(redis(), before, () => groups.delete(groupId));
    const routing = new GroupRouter(client, keys, settings).routes(groupId, ['device_1']);
    const routed = await routing.then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'GROUP_EMPTY' });
        return false;
      },
    );
    if (!done()) {
      expect(routed).toBe(true);
      return false;
    }
    expect(await groupKeys(world)).toEqual([keys.groupDeleted(groupId)]);
    return true;
  });
  expect(steps).toBeGreaterThan(2);
});
