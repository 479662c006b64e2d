import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PRESENCE_BUCKETS, Keys } from '../../src/shared/redis/keys.ts';
import {
  presenceBucket,
  presenceCursor,
  PresenceReader,
} from '../../src/shared/store/presenceReader.ts';
import type { LifecycleEvent } from '../../src/workers/presence/lifecycleEvent.ts';
import { PresenceRecords } from '../../src/workers/presence/presenceRecords.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();
const HOUR_MS = 3_600_000;

function start({ kept = 10_000, everyMs = 60_000, unnoticedMs = 0 } = {}) {
  const client = redis().connect();
  const keys = new Keys(uniquePrefix('presence'));
  const records = new PresenceRecords(client, keys, { worker: 'one', kept, everyMs, unnoticedMs });
  return { client, keys, records, reader: new PresenceReader(client, keys) };
}

function event(changes: Partial<LifecycleEvent> = {}): LifecycleEvent {
  return {
    clientId: 'device_1',
    eventType: 'connected',
    timestamp: 1_000_000,
    sessionIdentifier: '',
    versionNumber: 0,
    disconnectReason: '',
    ipAddress: '',
    ...changes,
  };
}

/** A client's connections, one after the other: how long each lasted and was awaited. */
const life = fc.array(
  fc.record({
    upMs: fc.integer({ min: 0, max: 3 * HOUR_MS }),
    downMs: fc.oneof(
      fc.integer({ min: 1, max: HOUR_MS / 4 }),
      fc.integer({ min: HOUR_MS + 60_000, max: 5 * HOUR_MS }),
    ),
  }),
  { minLength: 1, maxLength: 5 },
);

/** As AWS numbers them: from the start again after an hour offline. */
function eventsOf(stretches: readonly { upMs: number; downMs: number }[]): LifecycleEvent[] {
  let at = 1_000_000;
  let versionNumber = 0;
  return stretches.flatMap(({ upMs, downMs }) => {
    const connected = event({ versionNumber, timestamp: at });
    at += upMs;
    const disconnectReason = 'CONNECTION_LOST';
    const disconnected = { ...connected, eventType: 'disconnected' as const, timestamp: at };
    at += downMs;
    versionNumber = downMs > HOUR_MS ? 0 : versionNumber + 1;
    return [connected, { ...disconnected, disconnectReason }];
  });
}

test('late, repeated and reordered events of a client end in what is last true', async () => {
  const { client, keys, records, reader } = start();
  const history = life.chain((stretches) => {
    const events = eventsOf(stretches);
    const told = fc.integer({ min: 1, max: events.length }).map((count) => events.slice(0, count));
    return told.chain((some) => {
      // Twice each at most, in any order: AWS promises neither once nor in order.
      const twice = fc.shuffledSubarray([...some, ...some], { minLength: 0 });
      return twice.map((extra) => ({ last: some.at(-1), order: [...extra, ...some] }));
    });
  });
  await fc.assert(
    fc.asyncProperty(history, fc.infiniteStream(fc.nat()), async ({ last, order }, dice) => {
      const shuffled = order
        .map((one) => ({ one, rank: dice.next().value ?? 0 }))
        .toSorted((a, b) => a.rank - b.rank);
      for (const { one } of shuffled) await records.record(one);
      const [presence] = await reader.find(['device_1']);
      expect(presence).toMatchObject({
        state: last?.eventType === 'connected' ? 'ONLINE' : 'OFFLINE',
        since: last?.timestamp,
      });
      await client.del(...(await client.keys(`{${keys.prefix}:presence*`)));
    }),
    { numRuns: 60 },
  );
});

test('as many clients are remembered as may be; those longest offline make room', async () => {
  const { records, reader } = start({ kept: PRESENCE_BUCKETS * 2 });
  const online = Array.from({ length: 8 }, (_, at) => `online_${at}`);
  for (const [at, clientId] of online.entries()) {
    await records.record(event({ clientId, timestamp: at }));
  }
  for (let at = 0; at < 200; at += 1) {
    const clientId = `offline_${at}`;
    await records.record(event({ clientId, eventType: 'disconnected', timestamp: 1000 + at }));
  }
  const { online: up, offline: down } = await remembered(reader);
  expect(up).toBe(online.length);
  expect(up + down).toBeLessThanOrEqual(PRESENCE_BUCKETS * 2);
  const [latest] = await reader.find(['offline_199']);
  expect(latest?.state).toBe('OFFLINE');
  expect((await reader.find(['offline_0']))[0]?.state).toBe('UNKNOWN');
});

async function remembered(reader: PresenceReader) {
  const [online, offline] = await Promise.all([
    reader.page('online', 500, undefined),
    reader.page('offline', 500, undefined),
  ]);
  return { online: online.entries.length, offline: offline.entries.length };
}

test('pages go through every client once, the latest change first, also within a millisecond', async () => {
  const { records, reader } = start();
  const ids = Array.from({ length: 60 }, (_, at) => `device_${at}`);
  for (const [at, clientId] of ids.entries()) {
    await records.record(event({ clientId, timestamp: 1000 + Math.floor(at / 20) }));
  }
  const seen: string[] = [];
  let after: string | undefined;
  for (let more = true; more; ) {
    const page = await reader.page('online', 7, after);
    seen.push(...page.entries.map(({ clientId }) => clientId));
    const last = page.entries.at(-1);
    after = last && presenceCursor(last);
    more = page.hasMore;
  }
  expect(seen).toHaveLength(ids.length);
  expect(new Set(seen)).toEqual(new Set(ids));
  const since = seen.map((id) => Math.floor(ids.indexOf(id) / 20));
  expect(since).toEqual(since.toSorted((a, b) => b - a));
});

test('time in which nobody observed is admitted, for what was observed before it', async () => {
  const { client, keys, records, reader } = start();
  const first = { identityId: 'idn_observer', subscription: 'first' };
  expect(await reader.observation()).toBeUndefined();
  await records.observe(first);
  await records.record(event());
  await records.observe(first);
  expect((await reader.find(['device_1']))[0]?.unobservedMs).toBe(0);

  // As if all that had been two minutes ago, and the observer silent for the last one.
  const { seenAt = 0 } = (await reader.observation()) ?? {};
  await client.hset(keys.presenceObserver, 'since', seenAt - 120_000, 'seenAt', seenAt - 60_000);
  const { clients } = keys.presence(presenceBucket('device_1'));
  const stored = JSON.parse((await client.hget(clients, 'device_1')) ?? '') as object;
  await client.hset(
    clients,
    'device_1',
    JSON.stringify({ ...stored, observedAt: seenAt - 90_000 }),
  );
  await records.observe({ ...first, subscription: 'second' });
  expect((await reader.find(['device_1']))[0]?.unobservedMs).toBeGreaterThanOrEqual(60_000);
  expect((await reader.observation())?.gaps).toHaveLength(1);

  await records.record(event({ versionNumber: 1, timestamp: 2_000_000 }));
  expect((await reader.find(['device_1']))[0]?.unobservedMs).toBe(0);
});

test('while nobody observes, nothing that is known is taken for current', async () => {
  const { client, keys, records, reader } = start({ everyMs: 1000 });
  await records.observe({ identityId: 'idn_observer', subscription: 'one' });
  await records.record(event());
  const { seenAt = 0 } = (await reader.observation()) ?? {};
  await client.hset(keys.presenceObserver, 'seenAt', seenAt - 10_000);
  const observation = await reader.observation();
  expect(observation?.observing).toBe(false);
  expect((await reader.find(['device_1']))[0]?.unobservedMs).toBeGreaterThan(0);
});
