import { afterAll, expect, test } from 'vitest';
import { newIdentityId, shardOf } from '../../src/shared/domain/ids.ts';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { runScript } from '../../src/shared/redis/script.ts';
import { GroupDeletions } from '../../src/shared/store/groupDeletions.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { IdentityRemovals } from '../../src/shared/store/identityRemovals.ts';
import { CREATE_IDENTITY } from '../../src/shared/store/lua/identityScripts.ts';
import { RemovalSweep } from '../../src/workers/removals/removalSweep.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { keysLike } from '../support/servers.ts';
import { useStoreClient } from '../support/useStore.ts';
import { Cut, CutOff, cutEverywhere } from './support/cutOff.ts';

const SHARDS = 3;
const MEMBERS = 4;
const redis = useStoreClient();

/** A deployment with a group called plant, used by the last of its members. */
async function plant() {
  const keys = new Keys(uniquePrefix('deletion'));
  const groups = new GroupDirectory(redis(), keys, SHARDS);
  const { id } = await groups.create('plant', undefined, 'tests');
  const members = Array.from({ length: MEMBERS }, newIdentityId);
  for (const member of members) {
    const { lease } = keys.shard(shardOf(member, SHARDS));
    await runScript(redis(), CREATE_IDENTITY, [lease], [member, 'sealed', 'username', member]);
    await groups.add(id, member);
  }
  await redis().hset(keys.groupChoices(id), 'device_1', `${members.at(-1)}|1`);
  await redis().zadd(keys.groupUse(id), 1, 'device_1');
  return { keys, groups, id, members };
}

type Plant = Awaited<ReturnType<typeof plant>>;

async function deleteUntil(cut: Cut, { keys, id }: Plant): Promise<'cut' | 'ended'> {
  try {
    await new GroupDirectory(cut.of(redis()), keys, SHARDS).delete(id);
    return 'ended';
  } catch (error) {
    if (error instanceof CutOff) return 'cut';
    throw error;
  }
}

/** Nothing is left of it but the mark that expires. */
async function expectGone({ keys, id, members }: Plant): Promise<void> {
  for (const member of members) {
    const record = keys.shard(shardOf(member, SHARDS)).identity(member);
    expect((await redis().hget(record, 'groups'))?.includes(id) ?? false).toBe(false);
  }
  const left = (await keysLike(redis(), `*${keys.prefix}*`)).filter((key) => key.includes(id));
  expect(left).toEqual([keys.groupDeleted(id)]);
  expect(await redis().pttl(keys.groupDeleted(id))).toBeGreaterThan(0);
  expect(await redis().hlen(keys.groupsInDeletion)).toBe(0);
  expect(await redis().zcard(keys.groupDeletions)).toBe(0);
  expect(await redis().hexists(keys.groupInfo, id)).toBe(0);
  expect(Object.values(await redis().hgetall(keys.groupNames))).not.toContain(id);
}

for (const by of ['id', 'name'] as const) {
  test(`a deletion that is cut off anywhere is ended by another one by ${by}`, async () => {
    const steps = await cutEverywhere(async (cut) => {
      const world = await plant();
      const end = await deleteUntil(cut, world);
      if (end === 'cut') await world.groups.delete(by === 'id' ? world.id : 'plant');
      await expectGone(world);
      await expect(world.groups.delete('plant')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' });
      return end;
    });
    expect(steps).toBeGreaterThan(MEMBERS + SHARDS);
  });
}

test('a group that gets another name while it is deleted is gone under both', async () => {
  const world = await plant();
  const { keys, groups, id } = world;
  const deletions = new GroupDeletions(redis(), keys, SHARDS);
  const found = await groups.requireToDelete('plant');
  await groups.change(id, { name: 'factory' });
  await deletions.begin(found);
  await expect(groups.change(id, { name: 'mill' })).rejects.toMatchObject({
    code: 'GROUP_NOT_FOUND',
  });
  expect((await groups.page(10, undefined)).groups).toEqual([]);
  await deletions.finish(id);
  await expectGone(world);
  expect(await redis().zcard(keys.groupList)).toBe(0);
});

test('a name whose deletion was cut off can be taken on by another group at once', async () => {
  const world = await plant();
  const { keys, groups, id } = world;
  const other = await groups.create('factory', undefined, 'tests');
  await new GroupDeletions(redis(), keys, SHARDS).begin({ ...other, id });
  const [, renamed] = await groups.change('factory', { name: 'plant' });
  expect(renamed).toMatchObject({ id: other.id, name: 'plant' });
  await expectGone(world);
});

const queues: ShardQueues[] = [];
afterAll(() => Promise.all(queues.map((one) => one.close())));

/** As the owner of a shard does, however short ago the deletion was cut off. */
function sweepOf({ keys }: Plant, cut = new Cut(Infinity), patienceMs = 0): RemovalSweep {
  const jobs = new ShardQueues(redis(), keys);
  queues.push(jobs);
  const client = cut.of<RedisClient>(redis());
  const identities = new IdentityRemovals(client, keys, jobs, SHARDS);
  return new RemovalSweep(identities, new GroupDeletions(client, keys, SHARDS), patienceMs);
}

test('a deletion that is cut off anywhere is ended by the owner of the first shard', async () => {
  const steps = await cutEverywhere(async (cut) => {
    const world = await plant();
    const { id, groups } = world;
    const end = await deleteUntil(cut, world);
    if ((await groups.find(id)) !== undefined) {
      expect(await sweepOf(world).sweep(0)).toEqual([]);
      return end;
    }
    expect(await sweepOf(world).sweep(1)).toEqual([]);
    expect(await sweepOf(world, undefined, 15_000).sweep(0)).toEqual([]);
    expect(await sweepOf(world).sweep(0)).toEqual(end === 'cut' ? [{ what: 'group', id }] : []);
    await expectGone(world);
    return end;
  });
  expect(steps).toBeGreaterThan(MEMBERS + SHARDS);
});

test('what the owner of the first shard ends may be cut off anywhere again', async () => {
  await cutEverywhere(async (cut) => {
    const world = await plant();
    for (let calls = 0; (await world.groups.find(world.id)) !== undefined; calls += 1) {
      await deleteUntil(new Cut(calls), world);
    }
    const sweep = sweepOf(world, cut).sweep(0);
    const end = await sweep.then(
      () => 'ended' as const,
      (error: unknown) => {
        if (error instanceof CutOff) return 'cut' as const;
        throw error;
      },
    );
    await sweepOf(world).sweep(0);
    await expectGone(world);
    return end;
  });
});

test('a name whose deletion was cut off anywhere can be given to another group at once', async () => {
  await cutEverywhere(async (cut) => {
    const world = await plant();
    const end = await deleteUntil(cut, world);
    if ((await world.groups.find(world.id)) !== undefined) return end;
    expect(await world.groups.find('plant')).toBeUndefined();
    expect((await world.groups.page(10, undefined)).groups).toEqual([]);
    const other = await world.groups.create('plant', undefined, 'tests');
    await expectGone(world);
    expect(await world.groups.find('plant')).toEqual(other);
    expect(await world.groups.memberIds(other.id)).toEqual([]);
    return end;
  });
});

test('whoever looked a group up before it was deleted adds nothing to it', async () => {
  const world = await plant();
  await world.groups.delete('plant');
  const [member = ''] = world.members;
  await expect(world.groups.add(world.id, member)).rejects.toMatchObject({
    code: 'GROUP_NOT_FOUND',
  });
  await expectGone(world);
});

test('a member that was only noted when its addition was cut off goes with the group', async () => {
  const world = await plant();
  const [member = ''] = world.members;
  await redis().zrem(world.keys.groupMembers(world.id), member);
  await world.groups.delete('plant');
  await expectGone(world);
});
