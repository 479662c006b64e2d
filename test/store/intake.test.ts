import { expect, test } from 'vitest';
import { newIdentityId } from '../../src/shared/domain/ids.ts';
import { laneId } from '../../src/shared/domain/lane.ts';
import type { UpdateRequest } from '../../src/shared/domain/update.ts';
import { CourierError } from '../../src/shared/errors/courierError.ts';
import { parseDeliverJob } from '../../src/shared/queue/deliverJob.ts';
import type { IntakeRow } from '../../src/shared/store/updateIntake.ts';
import { configure } from '../support/servers.ts';
import { auditShard } from './support/auditShard.ts';
import { request, type ShardWorld } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();

const idOf = (row: IntakeRow | undefined) => (row?.taken === true ? row.updateId : undefined);

async function jobsOf(world: ShardWorld) {
  const jobs = await world.queues.queue(0).getJobs(['wait', 'prioritized']);
  return jobs.map((job) => ({ id: job.id, ...parseDeliverJob(job) }));
}

test('an update is recorded with everything that was asked, in its lane, with its job', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const expiresAt = Date.now() + 60_000;
  const asked = request(identityId, {
    shadow: 'config',
    confirm: 'PUBACK',
    expectedVersion: 3,
    expiresAt,
  });
  const [id = ''] = await world.accept([asked]);
  expect(await world.redis.hgetall(world.shardKeys.update(id))).toMatchObject({
    state: 'QUEUED',
    identity: identityId,
    thing: 'device_1',
    shadow: 'config',
    desired: '{"power":"OFF"}',
    confirm: 'PUBACK',
    expectedVersion: '3',
    expiresAt: String(expiresAt),
    actor: 'tests',
  });
  expect(await jobsOf(world)).toEqual([{ id: `d_${id}`, updates: [[id, laneId(asked)]] }]);
  await auditShard(world);
});

test('rows stand in their lanes in the order of the request, over all chunks of a hundred', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const requests = Array.from({ length: 250 }, (_, at) =>
    request(identityId, { thing: `device_${at % 3}`, desired: { at } }),
  );
  const ids = await world.accept(requests);
  await auditShard(world);
  const jobs = await jobsOf(world);
  expect(jobs.map(({ updates }) => updates.length).toSorted((a, b) => a - b)).toEqual([
    50, 100, 100,
  ]);
  expect(new Set(jobs.flatMap(({ updates }) => updates.map(([id]) => id)))).toEqual(new Set(ids));
  for (const { id, updates } of jobs) {
    expect(id).toBe(`d_${updates[0]?.[0]}`);
    for (const [update] of updates) expect(await world.jobOf(update)).toBe(id);
  }
});

test('a single update goes before bulk ones', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  await world.accept([request(identityId), request(identityId)]);
  const [single] = await world.accept([request(identityId, { thing: 'device_2' })]);
  const owner = await world.takeOver();
  expect((await owner.takeJob())?.id).toBe(`d_${single}`);
});

test('a row of an unknown identity fails alone and leaves nothing behind', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const stranger = newIdentityId();
  const rows = await world.intake.accept([request(stranger), request(identityId)], {
    actor: 'tests',
  });
  expect(rows[0]).toMatchObject({ taken: false, error: { code: 'IDENTITY_NOT_FOUND' } });
  expect(idOf(rows[1])).toBeDefined();
  expect(await world.redis.exists(world.shardKeys.lanesOf(stranger))).toBe(0);
  expect(await world.redis.hgetall(world.shardKeys.counts)).toEqual({ QUEUED: '1' });
});

test('a row that the check refuses fails alone; the others keep their order', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const refused = new CourierError('DESIRED_INVALID', 'no', 'mend it');
  const requests = [1, 2, 3].map((at) => request(identityId, { desired: { at } }));
  const rows = await world.intake.accept(requests, {
    actor: 'tests',
    check: ({ desired }) => (desired.at === 2 ? refused : undefined),
  });
  expect(rows[1]).toEqual({ taken: false, error: refused });
  const lane = await world.redis.lrange(world.shardKeys.lane(laneId(request(identityId))), 0, '-1');
  expect(lane).toEqual([idOf(rows[0]), idOf(rows[2])]);
});

test('ten at once with one idempotency key are one request', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const requests = [1, 2, 3].map((at) => request(identityId, { desired: { at } }));
  const options = { actor: 'tests', idempotencyKey: 'key' };
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => world.intake.accept(requests, options)),
  );
  expect(new Set(answers.map((rows) => JSON.stringify(rows))).size).toBe(1);
  await world.accept(requests, { idempotencyKey: 'key' });
  await auditShard(world);
  expect(await jobsOf(world)).toHaveLength(1);
});

test('a replay after everything was delivered delivers nothing again', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const requests = [request(identityId)];
  const ids = await world.accept(requests, { idempotencyKey: 'key' });
  const owner = await world.takeOver();
  await owner.finish();
  expect(await world.accept(requests, { idempotencyKey: 'key' })).toEqual(ids);
  await owner.finish();
  expect(await world.field(ids[0] ?? '', 'tries')).toBe('1');
  await auditShard(world);
});

test('a replay is judged by the time of the first call', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const judged: number[] = [];
  const options = {
    actor: 'tests',
    idempotencyKey: 'key',
    check: (_request: UpdateRequest, at: number) => {
      judged.push(at);
      return undefined;
    },
  };
  await world.intake.accept([request(identityId)], options);
  await world.intake.accept([request(identityId)], options);
  expect(judged[1]).toBe(judged[0]);
});

test('the same key with another body is refused before anything is taken', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  await world.accept([request(identityId)], { idempotencyKey: 'key' });
  const before = await world.dump();
  await expect(
    world.accept([request(identityId, { desired: { power: 'ON' } })], { idempotencyKey: 'key' }),
  ).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  expect(await world.dump()).toEqual(before);
});

test('many callers at once keep each their own order, and the counters are exact', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const calls = await Promise.all(
    Array.from({ length: 20 }, (_, caller) =>
      world.intake.accept(
        [1, 2, 3].map((at) => request(identityId, { desired: { caller, at } })),
        { actor: 'tests' },
      ),
    ),
  );
  const key = world.shardKeys.lane(laneId(request(identityId)));
  const lane = await world.redis.lrange(key, 0, '-1');
  expect(lane).toHaveLength(60);
  for (const rows of calls) {
    const places = rows.map((row) => lane.indexOf(idOf(row) ?? ''));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  }
  expect(await world.redis.hgetall(world.shardKeys.counts)).toEqual({ QUEUED: '60' });
});

test('without Redis’s memory nothing is half taken, and the same call works once there is room', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  const before = await world.dump();
  await configure(world.redis, 'maxmemory', '1');
  await expect(world.accept([request(identityId)])).rejects.toThrow(/OOM|EXECABORT/);
  await configure(world.redis, 'maxmemory', '0');
  expect(await world.dump()).toEqual(before);
  await world.accept([request(identityId)]);
  await auditShard(world);
});
