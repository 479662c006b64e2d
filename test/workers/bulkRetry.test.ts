import { afterEach, expect, test } from 'vitest';
import { shardOfUpdate } from '../../src/shared/domain/ids.ts';
import type { Update } from '../../src/shared/domain/update.ts';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { BulkActions } from '../../src/shared/store/bulkActions.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { IdentityRemovals } from '../../src/shared/store/identityRemovals.ts';
import { UpdateControl } from '../../src/shared/store/updateControl.ts';
import { UpdateIntake } from '../../src/shared/store/updateIntake.ts';
import { UpdateReader } from '../../src/shared/store/updateReader.ts';
import { BulkParts } from '../../src/workers/bulk/bulkParts.ts';
import { BulkRunner } from '../../src/workers/bulk/bulkRunner.ts';
import { Cut, CutOff, cutEverywhere } from '../store/support/cutOff.ts';
import { SearchWorld } from '../store/support/searchWorld.ts';
import { request } from '../store/support/shardWorld.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { useStore } from '../support/useStore.ts';

const SHARDS = 3;
const settings = { shardCount: SHARDS, retentionMs: 600_000 };
const store = useStore();
const worlds: SearchWorld[] = [];
afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

/** A worker that takes its part in actions, and may be cut off. */
function runnerOf(
  world: SearchWorld,
  cut = new Cut(Infinity),
  parts = new BulkParts(cut.of<RedisClient>(world.redis), world.keys),
): BulkRunner {
  const { keys } = world;
  const redis = cut.of<RedisClient>(world.redis);
  const queues = cut.of(world.queues);
  return new BulkRunner(new BulkActions(redis, keys, queues, settings), parts, {
    redis,
    keys,
    queues,
    control: new UpdateControl(redis, keys, queues, settings),
    intake: new UpdateIntake(redis, keys, queues, settings),
    reader: new UpdateReader(redis, keys, SHARDS),
    groups: new GroupDirectory(redis, keys, SHARDS),
  });
}

async function open(): Promise<SearchWorld> {
  const world = await SearchWorld.open(store(), SHARDS);
  worlds.push(world);
  return world;
}

/** A group of four, all of that shard, and a failed update through it to each of some things. */
async function plant(things: number, shard?: number, known?: SearchWorld) {
  const world = known ?? (await open());
  const groups = new GroupDirectory(world.redis, world.keys, SHARDS);
  const actions = new BulkActions(world.redis, world.keys, world.queues, settings);
  const label = uniquePrefix('plant');
  const { id: groupId } = await groups.create(label, undefined, 'tests');
  const members = await Promise.all(Array.from({ length: 4 }, () => world.identity(shard)));
  for (const member of members) await groups.add(groupId, member);
  const rows = Array.from({ length: things }, (_, at) =>
    request('', { groupId, thing: `device_${at}`, labels: [label] }),
  );
  const failed = await world.accept(rows);
  for (const id of failed) await world.end(id, 'FAILED', 'REJECTED');
  const found = async (ids: readonly string[]) => {
    const updates = await world.reader.findMany(ids);
    return updates.filter((update) => update !== undefined);
  };
  /** Starts a retry of them all; the runners' part comes after it. */
  const start = async () => {
    const { token } = await actions.preview('RETRY', { labels: [label] });
    return (await actions.start(token, 'operator', 'once more')).id;
  };
  const run = async (id: string, runner = runnerOf(world)) => {
    for (let shard = 0; shard < SHARDS; shard += 1) await runner.run(id, shard, () => false);
    return actions.require(id);
  };
  /** The new update of each. */
  const again = async (originals: readonly Update[]) => {
    const replays = await Promise.all(originals.map((one) => world.reader.replaysOf(one)));
    for (const ids of replays) expect(ids).toHaveLength(1);
    return found(replays.flat());
  };
  return { world, groups, groupId, label, members, failed, found, start, run, again };
}

type Plant = Awaited<ReturnType<typeof plant>>;

test('what was sent through a group is retried through it, by the same member for the same thing', async () => {
  const { world, members, groupId, label, failed, found, start, run, again } = await plant(12);
  const labels = [label];
  const own = await world.accept(members.map((id) => request(id, { thing: 'own', labels })));
  for (const id of own) await world.end(id, 'FAILED', 'REJECTED');
  const action = await run(await start());
  expect(action).toMatchObject({ state: 'COMPLETED', done: 16, skipped: 0, failed: 0 });
  const originals = await found([...failed, ...own]);
  expect(new Set(originals.map(({ identityId }) => identityId)).size).toBeGreaterThan(1);
  for (const [at, update] of (await again(originals)).entries()) {
    const { id, thing, identityId } = originals[at] ?? {};
    expect(update).toMatchObject({ replayOf: id, thing, identityId, state: 'QUEUED' });
    expect(update.groupId).toBe(at < 12 ? groupId : undefined);
  }
  const batch = await world.batches.find(action.batchId ?? '');
  expect(batch).toMatchObject({ total: 16, left: 16 });
});

test('what a member sent that is gone is retried through another one', async () => {
  const { world, groups, groupId, members, failed, found, start, run, again } = await plant(12);
  const [left = '', removed = '', ...others] = members;
  await groups.remove(groupId, left);
  await new IdentityRemovals(world.redis, world.keys, world.queues, SHARDS).remove(
    removed,
    { pending: 'CANCEL', actor: 'tests', reason: 'left' },
    settings.retentionMs,
  );
  const action = await run(await start());
  expect(action).toMatchObject({ state: 'COMPLETED', done: 12, failed: 0 });
  const originals = await found(failed);
  for (const [at, update] of (await again(originals)).entries()) {
    const before = originals[at]?.identityId ?? '';
    expect(update.groupId).toBe(groupId);
    expect(others).toContain(update.identityId);
    if (others.includes(before)) expect(update.identityId).toBe(before);
  }
});

test('what was sent through a group that is deleted is retried as whom it was sent by', async () => {
  const { groups, groupId, failed, found, start, run, again } = await plant(6);
  await groups.delete(groupId);
  expect(await run(await start())).toMatchObject({ done: 6, failed: 0 });
  const originals = await found(failed);
  const updates = await again(originals);
  expect(updates.map(({ identityId }) => identityId)).toEqual(
    originals.map(({ identityId }) => identityId),
  );
  expect(updates.every((update) => update.groupId === undefined)).toBe(true);
});

test('a retry through a group that nobody is left in says so, and sends nothing', async () => {
  const { world, groups, groupId, members, failed, start, run } = await plant(6);
  for (const member of members) await groups.remove(groupId, member);
  const action = await run(await start());
  expect(action).toMatchObject({ state: 'COMPLETED', done: 0, failed: 6 });
  expect(action.errors.map(({ code }) => code)).toContain('GROUP_EMPTY');
  for (const id of failed) expect(await world.reader.replaysOf({ id, groupId })).toEqual([]);
});

async function runUntil(runner: BulkRunner, { run }: Plant, id: string): Promise<'cut' | 'ended'> {
  try {
    await run(id, runner);
    return 'ended';
  } catch (error) {
    if (error instanceof CutOff) return 'cut';
    throw error;
  }
}

/** What was sent ends, and another member, of that shard, sends for its things from then on. */
async function replaceMembers(
  { world, groups, groupId, failed, found }: Plant,
  shard: number,
): Promise<void> {
  const originals = await found(failed);
  const replays = await Promise.all(originals.map((one) => world.reader.replaysOf(one)));
  for (const { id, state } of await found(replays.flat())) {
    if (state === 'QUEUED') await world.end(id, 'SUCCEEDED');
  }
  const members = await groups.memberIds(groupId);
  await groups.add(groupId, await world.identity(shard));
  for (const member of members) await groups.remove(groupId, member);
  const rows = originals.map(({ thing }) => request('', { groupId, thing }));
  for (const id of await world.accept(rows)) await world.control.cancel(id, 'tests', '');
}

async function expectEachSentOnce(plant: Plant, id: string): Promise<void> {
  const { world, failed, found, run, again } = plant;
  const action = await run(id);
  expect(action).toMatchObject({ state: 'COMPLETED', done: failed.length, skipped: 0, failed: 0 });
  const batch = await world.batches.find(action.batchId ?? '');
  expect(batch).toMatchObject({ total: failed.length });
  await again(await found(failed));
}

test('a retry that is cut off anywhere sends each once, though its members change meanwhile', async () => {
  const world = await open();
  const steps = await cutEverywhere(async (cut) => {
    const plants = await plant(2, 0, world);
    const id = await plants.start();
    const end = await runUntil(runnerOf(world, cut), plants, id);
    await replaceMembers(plants, 1);
    await expectEachSentOnce(plants, id);
    return end;
  });
  expect(steps).toBeGreaterThan(20);
});

/** Parts that die before they count what was done. */
class DyingParts extends BulkParts {
  override end(): Promise<void> {
    return Promise.reject(new CutOff('cut off before a chunk was counted'));
  }
}

test('what is sent by other members than was written down is sent by them whoever goes on', async () => {
  const plants = await plant(4, 0);
  const { world, failed, found } = plants;
  const id = await plants.start();
  // Up to what is sent being written down, and nothing taken.
  const part = world.keys.shard(0).bulkAction(id);
  for (let calls = 1; (await world.redis.hexists(part, 'sending')) === 0; calls += 1) {
    await runUntil(runnerOf(world, new Cut(calls)), plants, id);
  }
  await replaceMembers(plants, 1);
  const dying = runnerOf(world, new Cut(Infinity), new DyingParts(world.redis, world.keys));
  expect(await runUntil(dying, plants, id)).toBe('cut');
  await replaceMembers(plants, 2);
  await expectEachSentOnce(plants, id);
  for (const update of await plants.again(await found(failed))) {
    expect(shardOfUpdate(update.id)).toBe(1);
  }
});
