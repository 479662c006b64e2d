import { afterEach, expect, test } from 'vitest';
import { shardOfUpdate } from '../../src/shared/domain/ids.ts';
import { BulkActions } from '../../src/shared/store/bulkActions.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { QUARANTINE } from '../../src/shared/store/lua/identityScripts.ts';
import { runScript } from '../../src/shared/redis/script.ts';
import { BulkParts } from '../../src/workers/bulk/bulkParts.ts';
import { BulkRunner } from '../../src/workers/bulk/bulkRunner.ts';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { SearchWorld } from '../store/support/searchWorld.ts';
import { request } from '../store/support/shardWorld.ts';
import { useStore } from '../support/useStore.ts';

const store = useStore();
const worlds: SearchWorld[] = [];
const SHARDS = 3;

afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

class Killed extends Error {}

/** Counts that die at the n-th chunk: what was done to its updates is not written down then. */
class DyingParts extends BulkParts {
  left = Number.POSITIVE_INFINITY;
  override async end(...args: Parameters<BulkParts['end']>): Promise<void> {
    this.left -= 1;
    if (this.left < 0) throw new Killed('killed before a chunk was counted');
    return super.end(...args);
  }
}

async function open() {
  const world = await SearchWorld.open(store(), SHARDS);
  worlds.push(world);
  const { keys, queues, control, intake, reader } = world;
  const settings = { shardCount: SHARDS, retentionMs: 600_000 };
  const actions = new BulkActions(world.redis, keys, queues, settings);
  const parts = new DyingParts(world.redis, keys);
  const groups = new GroupDirectory(world.redis, keys, SHARDS);
  const deps = { redis: world.redis, keys, queues, control, intake, reader, groups };
  const runner = new BulkRunner(actions, parts, deps);
  const identities = await Promise.all(Array.from({ length: 6 }, () => world.identity()));
  const rows = (count: number) =>
    Array.from({ length: count }, (_, n) =>
      request(identities[n % 6] ?? '', { thing: `device_${n}`, labels: ['wanted'] }),
    );
  const all = async (id: string, stopped = () => false) => {
    for (let shard = 0; shard < SHARDS; shard += 1) await runner.run(id, shard, stopped);
  };
  const counts = async (ids: readonly string[]) => {
    const sums: Record<string, number> = {};
    for (const update of await reader.findMany(ids)) {
      const state = update?.state ?? 'MISSING';
      sums[state] = (sums[state] ?? 0) + 1;
    }
    return sums;
  };
  return { world, actions, parts, runner, identities, rows, all, counts };
}

test('all that match are canceled, but for what came after the preview', async () => {
  const { world, actions, rows, all, counts } = await open();
  const ids = await world.accept(rows(350));
  const preview = await actions.preview('CANCEL', { labels: ['wanted'] });
  expect(preview).toMatchObject({ matched: 350, matchedAtLeast: false });
  expect(preview.sample.length).toBeGreaterThan(0);
  // A new millisecond of Redis's clock.
  for (let now = preview.at; now <= preview.at; ) {
    const [seconds, micros] = await world.redis.time();
    now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }
  const later = await world.accept(rows(10));
  const action = await actions.start(preview.token, 'operator', 'a mistake');
  expect(action).toMatchObject({ state: 'RUNNING', done: 0 });
  await all(action.id);
  expect(await actions.find(action.id)).toMatchObject({
    state: 'COMPLETED',
    matched: 350,
    done: 350,
    skipped: 0,
    failed: 0,
    errors: [],
  });
  expect(await counts(ids)).toEqual({ CANCELED: 350 });
  expect(await counts(later)).toEqual({ QUEUED: 10 });
  const update = await world.reader.find(ids[0] ?? '');
  expect(update?.cancellation).toEqual({ actor: 'operator', reason: 'a mistake' });
  // Started again with the same token it is the same action, which has ended.
  expect((await actions.start(preview.token, 'operator', 'again')).state).toBe('COMPLETED');
});

test('what is published before the action comes to it is left alone', async () => {
  const { world, actions, rows, all } = await open();
  const ids = await world.accept(rows(30));
  const preview = await actions.preview('CANCEL', {});
  // Published after the preview, and before the action came to it: it does not match any more.
  for (const id of ids.slice(0, 5)) {
    const update = await world.reader.find(id);
    const lanes = await world.lanes(shardOfUpdate(id) ?? -1);
    await lanes.claim(`${update?.identityId}/${update?.thing}`);
  }
  const action = await actions.start(preview.token, 'operator', 'stop');
  await all(action.id);
  expect(await actions.find(action.id)).toMatchObject({ state: 'COMPLETED', done: 25, failed: 0 });
});

test('a retry sends each failed update again once, in a batch that names the one it is of', async () => {
  const { world, actions, parts, all, rows } = await open();
  const answer = await world.batchIntake().accept(rows(240), {
    actor: 'tests',
    onError: 'SKIP_INVALID',
  });
  const batchId = answer.batchId ?? '';
  const ids = answer.rows.flatMap((row) => (row.taken ? row.updateId : []));
  for (const [at, id] of ids.entries()) {
    await (at % 2 === 0 ? world.end(id, 'FAILED', 'REJECTED') : world.end(id, 'SUCCEEDED'));
  }
  const preview = await actions.preview('RETRY', { batchId });
  expect(preview.matched).toBe(120);
  const action = await actions.start(preview.token, 'operator', 'once more');
  // Killed again and again between what was done and its count.
  for (let times = 0; ; times += 1) {
    parts.left = times;
    const died = await all(action.id).then(
      () => false,
      (error: unknown) => {
        if (!(error instanceof Killed)) throw error;
        return true;
      },
    );
    if (!died) break;
  }
  const ended = await actions.find(action.id);
  expect(ended).toMatchObject({ state: 'COMPLETED', done: 120, skipped: 0, failed: 0 });
  const retried = await world.batches.find(ended?.batchId ?? '');
  expect(retried).toMatchObject({ total: 120, left: 120, state: 'RUNNING', retryOf: batchId });
  for (const [at, id] of ids.entries()) {
    expect(await world.reader.replaysOf({ id })).toHaveLength(at % 2 === 0 ? 1 : 0);
  }
  parts.left = Number.POSITIVE_INFINITY;
  // They have been sent again: a second retry of the same batch has nothing to do.
  const second = await actions.preview('RETRY', { batchId });
  const again = await actions.start(second.token, 'operator', 'by mistake');
  await all(again.id);
  expect(await actions.find(again.id)).toMatchObject({ state: 'COMPLETED', done: 0, skipped: 120 });
});

test('a cancel that is killed between what it did and its count counts each update once', async () => {
  const { world, actions, parts, all, rows, counts } = await open();
  const ids = await world.accept(rows(500));
  const preview = await actions.preview('CANCEL', {});
  const action = await actions.start(preview.token, 'operator', 'stop');
  for (let times = 0; ; times += 1) {
    parts.left = times;
    const died = await all(action.id).then(
      () => false,
      () => true,
    );
    if (!died) break;
  }
  expect(await actions.find(action.id)).toMatchObject({ state: 'COMPLETED', done: 500, failed: 0 });
  expect(await counts(ids)).toEqual({ CANCELED: 500 });
});

test('an abort ends it after what it is at', async () => {
  const { world, actions, runner, identities, all, rows, counts } = await open();
  const ids = await world.accept(rows(500));
  const preview = await actions.preview('CANCEL', {});
  const action = await actions.start(preview.token, 'operator', 'stop');
  // Stops after its first chunk, as a worker does that drains.
  const shard = shardOf(identities[0] ?? '', SHARDS);
  expect(await runner.run(action.id, shard, () => true)).toBe(false);
  const done = (await actions.find(action.id))?.done ?? 0;
  expect(done).toBeGreaterThan(80);
  expect((await actions.abort(action.id, 'another', 'why')).state).toBe('ABORTING');
  await all(action.id);
  const ended = await actions.find(action.id);
  expect(ended).toMatchObject({ state: 'ABORTED', abortedBy: 'another', done });
  expect(await counts(ids)).toEqual({ CANCELED: done, QUEUED: 500 - done });
});

test('a release frees the identities that the updates wait for', async () => {
  const { world, actions, all, rows, identities } = await open();
  const ids = await world.accept(rows(60));
  const parked = identities.slice(0, 2);
  for (const identityId of parked) {
    const lease = await world.lease(shardOf(identityId, SHARDS));
    const { epoch, token } = lease;
    const denial = JSON.stringify({
      stage: 'CONNECT',
      gate: 'CONNECT_POLICY',
      message: 'm',
      remedy: 'r',
    });
    const args = [epoch, token, identityId, 'QUARANTINED', 'IDENTITY_QUARANTINED', denial, 60_000];
    await runScript(world.redis, QUARANTINE, [world.keys.shard(lease.shard).lease], args);
  }
  const preview = await actions.preview('RELEASE', { labels: ['wanted'] });
  expect(preview.matched).toBe(20);
  const action = await actions.start(preview.token, 'operator', 'granted again');
  await all(action.id);
  expect((await actions.find(action.id))?.state).toBe('COMPLETED');
  const waits = (await world.reader.findMany(ids)).map((update) => update?.wait?.reason);
  expect(waits.filter((reason) => reason === 'IDENTITY_QUARANTINED')).toEqual([]);
});

test('a start that a crash cut off is gone on with by the sweep', async () => {
  const { world, actions, runner, rows } = await open();
  await world.accept(rows(20));
  const preview = await actions.preview('CANCEL', {});
  const action = await actions.start(preview.token, 'operator', 'stop');
  for (let shard = 0; shard < SHARDS; shard += 1) await world.queues.queue(shard).drain(true);
  await runner.sweep(0, Date.now());
  for (let shard = 0; shard < SHARDS; shard += 1) {
    const job = await world.queues.queue(shard).getJob(`b_${action.id}`);
    expect(job?.data).toEqual({ bulkActionId: action.id });
  }
});

test('the batch of a retry whose start was cut off is opened by the sweep', async () => {
  const { world, actions, runner, all, rows } = await open();
  for (const id of await world.accept(rows(3))) await world.end(id, 'FAILED', 'REJECTED');
  const preview = await actions.preview('RETRY', {});
  const { id, batchId = '' } = await actions.start(preview.token, 'operator', 'once more');
  // As if it had been cut off behind the action's own record.
  await world.redis.del(world.keys.batch(batchId));
  await runner.sweep(0, Date.now());
  await all(id);
  expect(await world.batches.find(batchId)).toMatchObject({ total: 3, label: 'once more' });
});

test('what matches nothing, and what has expired, is refused', async () => {
  const { actions, world, rows } = await open();
  await expect(actions.preview('CANCEL', { states: ['SUCCEEDED'] })).rejects.toMatchObject({
    code: 'BULK_MATCHES_NOTHING',
  });
  await expect(actions.preview('RETRY', {})).rejects.toMatchObject({
    code: 'BULK_MATCHES_NOTHING',
  });
  await expect(actions.start('prv_none', 'operator', 'why')).rejects.toMatchObject({
    code: 'PREVIEW_NOT_FOUND',
  });
  await expect(actions.abort('blk_none', 'operator', 'why')).rejects.toMatchObject({
    code: 'BULK_ACTION_NOT_FOUND',
  });
  await world.accept(rows(1));
  expect((await actions.preview('CANCEL', {})).expiresAt).toBeGreaterThan(Date.now());
});
