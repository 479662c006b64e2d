import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { newIdentityId } from '../../src/shared/domain/ids.ts';
import type { FailureCode, FinalState, UpdateState } from '../../src/shared/domain/sets.ts';
import type { Update } from '../../src/shared/domain/update.ts';
import type { UpdateFilter } from '../../src/shared/domain/updateFilter.ts';
import type { Order, Place } from '../../src/shared/store/shardScan.ts';
import { UpdateFacets } from '../../src/shared/store/updateFacets.ts';
import { useStore } from '../support/useStore.ts';
import { SearchWorld } from './support/searchWorld.ts';
import { request } from './support/shardWorld.ts';

const store = useStore();
const worlds: SearchWorld[] = [];

afterEach(async () => {
  await Promise.all(worlds.splice(0).map((world) => world.close()));
});

async function open(...options: [shards: number, bounds?: object]): Promise<SearchWorld> {
  const [shards, bounds] = options;
  const world = await SearchWorld.open(
    store(),
    shards,
    bounds as { indexMaxAgeMs: number; indexMaxCount: number },
  );
  worlds.push(world);
  return world;
}

/** Reads page by page to the end. */
async function all(
  world: SearchWorld,
  filter: UpdateFilter,
  order: Order = 'newest',
  first = 7,
): Promise<string[]> {
  const ids: string[] = [];
  let after: Place | undefined;
  do {
    const page = await world.search.page({ filter, first, after, order });
    expect(page.hits.length).toBeLessThanOrEqual(first);
    ids.push(...page.hits.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

const ENDS: readonly [FinalState, FailureCode | undefined][] = [
  ['SUCCEEDED', undefined],
  ['FAILED', 'NOT_AUTHORIZED'],
  ['FAILED', 'REJECTED'],
  ['EXPIRED', 'DEADLINE_PASSED'],
];

/** Some of everything: 240 updates over four shards, in all states, of two actors and batches. */
async function populated(): Promise<{ world: SearchWorld; updates: readonly Update[] }> {
  const world = await open(4);
  const identities = await Promise.all(Array.from({ length: 8 }, () => world.identity()));
  const ids: string[] = [];
  for (let round = 0; round < 12; round += 1) {
    const rows = Array.from({ length: 20 }, (_, at) =>
      request(identities[(at + round) % identities.length] ?? '', {
        thing: `device_${at % 5}`,
        ...(at % 3 === 0 ? { shadow: at % 2 === 0 ? 'config' : 'other' } : {}),
        labels: [`round-${round % 3}`, ...(at % 4 === 0 ? ['fourth'] : [])],
      }),
    );
    const batch = round % 3 === 0 ? {} : { batchId: `bat_${round % 2}` };
    ids.push(...(await world.accept(rows, { actor: `actor-${round % 2}`, ...batch })));
  }
  // The heads of lanes end, or are held; what stands behind them stays open.
  for (const [at, id] of ids.entries()) {
    const [state, code] = ENDS[at % ENDS.length] ?? ['SUCCEEDED', undefined];
    if (at < 140) await world.end(id, state, code);
    else if (at % 9 === 0) await world.control.cancel(id, 'tests', undefined);
  }
  for (let shard = 0; shard < 4; shard += 1) {
    const lanes = await world.lanes(shard);
    const [first, second] = await world.redis.zrange(world.keys.shard(shard).lanes, 0, '1');
    const wait = { reason: 'BACKOFF', until: Date.now() + 60_000 } as const;
    if (first !== undefined) await lanes.hold(first, wait);
    if (second !== undefined) await lanes.claim(second);
  }
  const updates = (await world.reader.findMany(ids)).flatMap((update) => update ?? []);
  expect(updates).toHaveLength(240);
  return { world, updates };
}

function matches(update: Update, filter: UpdateFilter): boolean {
  const { labels = [], states, failureCodes, waitReasons, acceptedFrom, acceptedBefore } = filter;
  const is = <T>(wanted: T | undefined, value: T | undefined) =>
    wanted === undefined || wanted === value;
  const among = <T>(wanted: readonly T[] | undefined, value: T | undefined) =>
    wanted === undefined || (value !== undefined && wanted.includes(value));
  return (
    is(filter.thing, update.thing) &&
    is(filter.shadow, update.shadow) &&
    is(filter.classicShadow, update.shadow === undefined) &&
    is(filter.identityId, update.identityId) &&
    is(filter.batchId, update.batchId) &&
    is(filter.actor, update.actor) &&
    labels.every((label) => update.labels?.includes(label)) &&
    among(states, update.state) &&
    among(failureCodes, update.failure?.code) &&
    among(waitReasons, update.wait?.reason) &&
    update.createdAt >= (acceptedFrom ?? 0) &&
    update.createdAt < (acceptedBefore ?? Number.POSITIVE_INFINITY)
  );
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

test('any combination of filters finds what a look at every update finds, page by page', async () => {
  const { world, updates } = await populated();
  const times = updates.map(({ createdAt }) => createdAt);
  const filters = fc.record({
    thing: maybe(fc.constantFrom('device_1', 'device_4', 'nothing')),
    shadow: maybe(fc.constantFrom('config', 'nothing')),
    classicShadow: maybe(fc.boolean()),
    identityId: maybe(fc.constantFrom(updates[0]?.identityId ?? '', newIdentityId())),
    batchId: maybe(fc.constantFrom('bat_0', 'bat_1')),
    actor: maybe(fc.constantFrom('actor-0', 'actor-1', 'nobody')),
    labels: maybe(fc.subarray(['round-0', 'round-1', 'fourth'])),
    states: maybe(
      fc.subarray<UpdateState>(['QUEUED', 'HELD', 'IN_FLIGHT', 'SUCCEEDED', 'FAILED', 'CANCELED'], {
        minLength: 1,
      }),
    ),
    failureCodes: maybe(
      fc.subarray<FailureCode>(['REJECTED', 'NOT_AUTHORIZED', 'DEADLINE_PASSED'], { minLength: 1 }),
    ),
    waitReasons: maybe(fc.constantFrom(['BACKOFF'] as const, ['BEHIND_ANOTHER_UPDATE'] as const)),
    acceptedFrom: maybe(fc.constantFrom(...times)),
    acceptedBefore: maybe(fc.constantFrom(...times)),
  });
  const order = fc.constantFrom('newest' as const, 'oldest' as const);
  await fc.assert(
    fc.asyncProperty(filters, order, async (filter, direction) => {
      const expected = updates.filter((update) => matches(update, filter)).map(({ id }) => id);
      const found = await all(world, filter, direction);
      expect(found.toSorted()).toEqual(expected.toSorted());
      const createdAt = (id: string) => updates.find((update) => update.id === id)?.createdAt ?? 0;
      const ordered = found.toSorted((a, b) =>
        direction === 'newest' ? createdAt(b) - createdAt(a) : createdAt(a) - createdAt(b),
      );
      expect(found.map(createdAt)).toEqual(ordered.map(createdAt));
    }),
    { numRuns: 150 },
  );
});

test('pages stay as they are while updates arrive and end', async () => {
  const { world, updates } = await populated();
  const seen: string[] = [];
  let after: Place | undefined;
  do {
    const page = await world.search.page({ filter: {}, first: 25, after, order: 'newest' });
    seen.push(...page.hits.map(({ id }) => id));
    after = page.next;
    const identityId = updates[0]?.identityId ?? '';
    await world.accept([request(identityId, { thing: `new_${seen.length}` })]);
    const open = updates.find(({ id, state }) => state === 'QUEUED' && !seen.includes(id));
    if (open !== undefined) await world.control.cancel(open.id, 'tests', undefined).catch(() => 0);
  } while (after !== undefined);
  expect(seen).toHaveLength(updates.length);
  expect(new Set(seen)).toEqual(new Set(updates.map(({ id }) => id)));
});

test('what nobody wants to know any more is not looked for, and a page that ended so can go on', async () => {
  const { world, updates } = await populated();
  const signal = AbortSignal.abort();
  const query = { filter: {}, first: 10, order: 'newest' } as const;
  const whole = await world.search.page(query);
  const none = await world.search.page({ ...query, signal });
  expect(none.hits).toEqual([]);
  expect(await world.search.page({ ...query, after: none.next })).toEqual(whole);
  const facets = new UpdateFacets(world.redis, world.keys, 4);
  const filter = { thing: updates[0]?.thing };
  expect(await facets.count(filter, signal)).toMatchObject({ total: 0, atLeast: true });
  expect(await facets.count(filter)).toMatchObject({ atLeast: false });
});

test('a page that would take too long a search is short, and the next goes on from there', async () => {
  const world = await open(1);
  const identityId = await world.identity();
  const rare = (await world.accept([request(identityId, { thing: 'rare', labels: ['rare'] })]))[0];
  for (let at = 0; at < 21; at += 1) {
    const rows = Array.from({ length: 1000 }, (_, n) =>
      request(identityId, { thing: `d_${n % 50}` }),
    );
    await world.accept(rows);
  }
  // Nothing is indexed by the wait reason: every open update is looked at.
  const wanted = {
    waitReasons: ['NO_OWNER'] as const,
    thing: undefined,
    states: ['QUEUED'] as const,
  };
  const [first] = await world.redis.lrange(world.keys.shard(0).lane(`${identityId}/d_0`), 0, '0');
  const page = await world.search.page({ filter: wanted, first: 60, order: 'newest' });
  expect(page.hits).toHaveLength(0);
  expect(page.next).toBeDefined();
  const found = await all(world, wanted, 'newest', 60);
  expect(found).toHaveLength(51);
  expect(found).toContain(first);
  expect(found.at(-1)).toBe(rare);
  expect(await all(world, { labels: ['rare'] })).toEqual([rare]);
});
