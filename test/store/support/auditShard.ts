import { expect } from 'vitest';
import { OPEN_STATES, type UpdateState } from '../../../src/shared/domain/sets.ts';
import { keysLike } from '../../support/servers.ts';
import { auditSearchIndex } from './auditSearchIndex.ts';
import type { ShardWorld } from './shardWorld.ts';

type Fields = Readonly<Record<string, string>>;

const isOpen = (fields: Fields | undefined) =>
  (OPEN_STATES as readonly UpdateState[]).includes(fields?.state as UpdateState);

const isScheduled = (fields: Fields | undefined) => fields?.waitReason === 'SCHEDULED';

/**
 * Holds a shard's lanes, indexes and counters to its records: whatever happened in whatever order,
 * these agree after every single step.
 */
export async function auditShard(world: ShardWorld): Promise<void> {
  const records = await readRecords(world);
  const heads = new Map<string, Fields>();
  for (const [lane, ids] of world.accepted) {
    const open = ids.filter((id) => isOpen(records.get(id)) && !isScheduled(records.get(id)));
    expect(await world.redis.lrange(world.shardKeys.lane(lane), 0, '-1'), lane).toEqual(open);
    const inFlight = open.filter((id) => records.get(id)?.state === 'IN_FLIGHT');
    const group = records.get(open[0] ?? '')?.group?.split(',') ?? [];
    expect(inFlight, 'only the head and its group are in flight').toEqual(
      inFlight.length > 0 ? [open[0], ...group] : [],
    );
    const carried = open.filter((id) => records.get(id)?.carrier !== undefined);
    expect(carried, 'the members of a group, and nobody else, name its carrier').toEqual(group);
    const held = open.filter((id) => records.get(id)?.state === 'HELD');
    expect(held, 'only the head is held').toEqual(held.length > 0 ? [open[0]] : []);
    const head = records.get(open[0] ?? '');
    if (head !== undefined) heads.set(lane, head);
  }
  await auditIndexes(world, heads);
  await auditSearchIndex(world, records);
  await auditSchedule(world, records);
  await auditEvents(world, records);
  expect(await readCounts(world), 'the counters are what a recount gives').toEqual(
    recount([...records.values()]),
  );
}

async function readRecords(world: ShardWorld): Promise<Map<string, Fields>> {
  const ids = [...world.accepted.values()].flat();
  const all = await Promise.all(ids.map((id) => world.redis.hgetall(world.shardKeys.update(id))));
  const stored = await keysLike(world.redis, `${world.shardKeys.tag}:update:*`);
  expect(stored.length, 'no record but those of accepted updates').toBe(ids.length);
  return new Map(ids.map((id, at) => [id, all[at] ?? {}]));
}

async function auditIndexes(world: ShardWorld, heads: ReadonlyMap<string, Fields>): Promise<void> {
  const { redis, shardKeys } = world;
  const scores = await redis.zrange(shardKeys.lanes, 0, '-1', 'WITHSCORES');
  const lanes = new Map<string, string>();
  for (let at = 0; at < scores.length; at += 2) lanes.set(scores[at] ?? '', scores[at + 1] ?? '');
  const ages = new Map(
    [...heads].map(([lane, head]) => [lane, head.releasedAt ?? head.createdAt ?? '']),
  );
  expect(lanes, 'lanes that are not empty, by the age of their heads').toEqual(ages);

  const waiting = Object.entries(heads.size === 0 ? {} : Object.fromEntries(heads))
    .filter(([, head]) => head.state === 'HELD')
    .map(([lane, head]) => [lane, `${head.waitReason}|${head.waitUntil ?? ''}`]);
  expect(await redis.hgetall(shardKeys.waiting)).toEqual(Object.fromEntries(waiting));

  const identities = new Set([...world.accepted.keys()].map(identityOf));
  for (const identity of identities) {
    const own = [...heads.keys()].filter((lane) => identityOf(lane) === identity);
    const indexed = await redis.smembers(shardKeys.lanesOf(identity));
    expect(indexed.toSorted()).toEqual(own.toSorted());
  }
}

/** Every update that ended said so once, with the state that it ended in; no other one did. */
async function auditEvents(world: ShardWorld, records: ReadonlyMap<string, Fields>): Promise<void> {
  const told: string[] = [];
  for (const [, words] of await world.redis.xrange(world.shardKeys.events, '-', '+')) {
    if (words[1] === 'E') told.push(`${words[3]} ${words[5]}`);
  }
  const ended = [...records].filter(([, fields]) => !isOpen(fields));
  expect(told.toSorted(), 'the events of ends').toEqual(
    ended.map(([id, { state }]) => `${id.slice(-26)} ${state}`).toSorted(),
  );
}

/** What must not begin yet is in no lane, and known by its time and by its identity. */
async function auditSchedule(
  { redis, shardKeys }: ShardWorld,
  records: ReadonlyMap<string, Fields>,
): Promise<void> {
  const scheduled = [...records].filter(([, fields]) => isScheduled(fields));
  const times = Object.fromEntries(scheduled.map(([id, { notBefore }]) => [id, notBefore]));
  const entries = await redis.zrange(shardKeys.scheduled, 0, '-1', 'WITHSCORES');
  const indexed = Object.fromEntries(
    entries.flatMap((id, at) => (at % 2 === 0 ? [[id, entries[at + 1]]] : [])),
  );
  expect(indexed, 'the schedule').toEqual(times);
  for (const identity of new Set([...records.values()].map((fields) => fields.identity ?? ''))) {
    const own = scheduled.flatMap(([id, fields]) => (fields.identity === identity ? [id] : []));
    const known = await redis.smembers(shardKeys.scheduledOf(identity));
    expect(known.toSorted(), 'what is scheduled of an identity').toEqual(own.toSorted());
  }
}

async function readCounts(world: ShardWorld): Promise<Record<string, number>> {
  const counts = Object.entries(await world.redis.hgetall(world.shardKeys.counts));
  return Object.fromEntries(
    counts.map(([state, count]) => [state, Number(count)]).filter(([, count]) => count !== 0),
  );
}

function recount(records: readonly Fields[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state = 'MISSING' } of records) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function identityOf(lane: string): string {
  return lane.slice(0, lane.indexOf('/'));
}

/** Every lane that is not empty has a job that will run, and not long after what it waits for. */
export async function auditLiveJobs(world: ShardWorld, slackMs: number): Promise<void> {
  const { redis, shardKeys } = world;
  const now = Date.now();
  for (const lane of await redis.zrange(shardKeys.lanes, 0, '-1')) {
    const [id = ''] = await redis.lrange(shardKeys.lane(lane), 0, '0');
    const update = await redis.hgetall(shardKeys.update(id));
    const jobId = await world.jobOf(id);
    const job = await world.queues.queue(0).getJob(jobId);
    expect(job, `${lane} has a job`).toBeDefined();
    expect(job?.finishedOn, `the job of ${lane} is not finished`).toBeUndefined();
    const score = await redis.zscore(`${shardKeys.queue}:delayed`, jobId);
    const status = await redis.hget(shardKeys.identity(identityOf(lane)), 'status');
    if (score === null || status === 'QUARANTINED' || status === 'NEEDS_OPERATOR') continue;
    const waitUntil = update.state === 'HELD' ? Number(update.waitUntil ?? 0) : 0;
    expect(Number(score) / 4096).toBeLessThanOrEqual(Math.max(waitUntil, now) + slackMs);
  }
}
