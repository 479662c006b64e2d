import { type Job, Worker } from 'bullmq';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ShardQueues } from '../../../src/shared/queue/shardQueues.ts';
import { DELIVER_QUEUE } from '../../../src/shared/redis/shardKeys.ts';
import { shardSettings } from '../../../src/workers/settings.ts';
import { ShardConnections } from '../../../src/workers/shard/shardConnections.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fleet } from '../support/fleet.ts';
import { ownedShard } from '../support/oneConnection.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

const DENIAL = { stage: 'CONNECT', gate: 'CONNECT_POLICY', message: 'no', remedy: 'do' } as const;

/** The connections of the shard of one registered identity. */
async function start(
  fleet: Fleet,
  user = world.aws().user(),
  settings: Readonly<Record<string, string>> = {},
) {
  const { id, shard } = await fleet.register(user);
  const owned = await ownedShard(fleet, id, settings);
  const queues = new ShardQueues(fleet.redis, fleet.keys);
  const connections = new ShardConnections(owned.lease, owned.records, {
    connections: owned.shared,
    queues,
    settings: shardSettings(owned.config, 'test'),
    log: pino({ level: 'silent' }),
  });
  const view = () => fleet.redis.hgetall(fleet.keys.shard(shard).connection(id));
  return { id, ...owned, connections, queues, view };
}

/** Does something to every job of a shard that is ready. */
async function takeJobs(
  fleet: Fleet,
  shard: number,
  take: (job: Job, token: string) => Promise<unknown>,
): Promise<void> {
  const { tag } = fleet.keys.shard(shard);
  const worker = new Worker(DELIVER_QUEUE, null, {
    connection: fleet.redis,
    prefix: tag,
    autorun: false,
  });
  const next = () => worker.getNextJob('test', { block: false });
  for (let job = await next(); job !== undefined; job = await next()) await take(job, 'test');
  await worker.close();
}

test('a probe that comes after the connections were let go opens none that nobody would close', async () => {
  const { id, connections, records, stop } = await start(world.fleet());
  await records.park(id, {
    status: 'QUARANTINED',
    waitReason: 'IDENTITY_QUARANTINED',
    denial: DENIAL,
    probeInMs: 0,
  });
  await connections.close();
  await connections.probeDue();
  await eventually(() => expect([...connections.states()]).toEqual(['closed']));
  stop();
});

test('whoever asks for a new connection while the shard is being handed over does not wait for it', async () => {
  const fleet = world.fleet();
  const user = world.aws().user();
  const swallow = { on: 'InitiateAuth', effect: 'swallow', count: 1, containing: user.username };
  await world.aws().post('/faults', swallow);
  const { id, connections, stop } = await start(fleet, user);
  connections.quiet();
  expect(await connections.of(id).ready(600_000)).toMatchObject({ kind: 'waits' });
  // The call that nobody answers has not run into its deadline.
  expect(connections.of(id).state).not.toBe('backoff');
  await connections.close();
  stop();
});

test("what an owner from before says of its connection does not stand over its successor's", async () => {
  const fleet = world.fleet();
  const { id, connections, records, lease, view, stop } = await start(fleet);
  await connections.of(id).ready(10_000);
  await eventually(async () => expect(await view()).toMatchObject({ state: 'connected' }));
  const epoch = Number(lease.epoch) + 1;
  await records.writeConnection(id, {
    state: 'connecting',
    worker: 'successor',
    epoch,
    inFlight: 0,
    fights: 0,
  });
  await connections.abandon();
  // Answered behind what the abandoned one said last.
  await fleet.redis.ping();
  expect(await view()).toMatchObject({
    state: 'connecting',
    worker: 'successor',
    epoch: String(epoch),
  });
  stop();
});

test('an identity that nobody asks for any more is forgotten, also where it could not be connected', async () => {
  const unreachable = { IDLE_CLOSE_MS: '100', IOT_ENDPOINT: 'localhost:1' };
  const { id, connections, stop } = await start(world.fleet(), undefined, unreachable);
  expect(await connections.of(id).ready(10_000)).toMatchObject({ kind: 'waits' });
  expect([...connections.states()]).toEqual(['backoff']);
  await eventually(() => {
    connections.maintain();
    expect([...connections.states()]).toEqual([]);
  });
  stop();
});

test('a probe that passes wakes the jobs that an owner from before has put off', async () => {
  const fleet = world.fleet();
  const { id, connections, records, lease, queues, stop } = await start(fleet);
  await records.park(id, {
    status: 'QUARANTINED',
    waitReason: 'IDENTITY_QUARANTINED',
    denial: DENIAL,
    probeInMs: 0,
  });
  const update = await fleet.send(id, 'device_1', { power: 'ON' });
  const queue = queues.queue(lease.shard);
  await takeJobs(fleet, lease.shard, (job, token) =>
    job.moveToDelayed(Date.now() + 3_600_000, token),
  );
  const job = await queue.getJob(`d_${update}`);
  expect(await job?.getState()).toBe('delayed');
  await connections.probeDue();
  await eventually(async () => expect(await job?.getState()).toBe('waiting'));
  await connections.close();
  stop();
});
