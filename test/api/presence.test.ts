import { expect, test } from 'vitest';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { PresenceRecords } from '../../src/workers/presence/presenceRecords.ts';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();
const AT = Date.parse('2026-01-31T12:00:00Z');

const PRESENCE = `{
  clientId state online since disconnectReason ipAddress observedAt stale unobservedFor
}`;

function recordsOf({ redis: client, keys }: TestApi): PresenceRecords {
  const settings = { worker: 'one', kept: 1000, everyMs: 60_000, unnoticedMs: 0 };
  return new PresenceRecords(client, keys, settings);
}

function connected(clientId: string, versionNumber = 0) {
  return {
    clientId,
    eventType: 'connected' as const,
    timestamp: AT + versionNumber,
    sessionIdentifier: '',
    versionNumber,
    disconnectReason: '',
    ipAddress: '192.0.2.7',
  };
}

test('a thing tells whether its device is connected, and what is not known is null', async () => {
  const api = await startApi(redis().url);
  const records = recordsOf(api);
  await records.observe({ identityId: 'idn_none', subscription: 'one' });
  await records.record(connected('device_1'));
  await records.record({
    ...connected('device_2'),
    eventType: 'disconnected',
    disconnectReason: 'CONNECTION_LOST',
    ipAddress: '',
  });
  const { on, off, none } = await api.run(`{
    on: thing(name: "device_1") { name presence ${PRESENCE} }
    off: thing(name: "device_2") { presence ${PRESENCE} }
    none: thing(name: "device_3") { presence ${PRESENCE} }
  }`);
  expect(on).toMatchObject({
    name: 'device_1',
    presence: {
      state: 'ONLINE',
      online: true,
      since: '2026-01-31T12:00:00.000Z',
      ipAddress: '192.0.2.7',
      disconnectReason: null,
      stale: false,
      unobservedFor: '0s',
    },
  });
  expect(off.presence).toMatchObject({
    state: 'OFFLINE',
    online: false,
    disconnectReason: 'CONNECTION_LOST',
  });
  expect(none.presence).toMatchObject({
    clientId: 'device_3',
    state: 'UNKNOWN',
    online: null,
    since: null,
    observedAt: null,
  });
});

test('an identity shows who connects with its client id', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const query = `{ identity(id: "${id}") { presence ${PRESENCE} } }`;
  expect((await api.run(query)).identity.presence).toBeNull();
  const cognitoId = 'eu-west-1:12345678-1234-1234-1234-123456789012';
  await api.redis.hset(api.keys.shard(shardOf(id, 8)).identity(id), 'cognitoId', cognitoId);
  await recordsOf(api).record(connected(cognitoId));
  expect((await api.run(query)).identity.presence).toMatchObject({
    clientId: cognitoId,
    state: 'ONLINE',
    ipAddress: '192.0.2.7',
  });
});

test('clients are listed in pages, the latest change first', async () => {
  const api = await startApi(redis().url);
  const records = recordsOf(api);
  for (let at = 0; at < 25; at += 1) await records.record(connected(`device_${at}`, at));
  await records.record({ ...connected('device_off'), eventType: 'disconnected' });
  const seen: string[] = [];
  let after: string | null = null;
  for (let more = true; more; ) {
    const { presences } = await api.run(
      `query ($after: String) {
        presences(first: 10, after: $after) { nodes { clientId } pageInfo { hasNextPage endCursor } }
      }`,
      { after },
    );
    seen.push(...presences.nodes.map(({ clientId }: { clientId: string }) => clientId));
    after = presences.pageInfo.endCursor;
    more = presences.pageInfo.hasNextPage;
  }
  expect(seen).toEqual(Array.from({ length: 25 }, (_, at) => `device_${24 - at}`));
  const { presences } = await api.run('{ presences(online: false) { nodes { clientId } } }');
  expect(presences.nodes).toEqual([{ clientId: 'device_off' }]);
  const { errors } = await api.send('{ presences(after: "nonsense") { nodes { clientId } } }');
  expect(errors[0].extensions.code).toBe('PAGE_INVALID');
});

test('the observer says since when it observes, and what it missed', async () => {
  const api = await startApi(redis().url);
  const query = `{ presenceObserver {
    identity { id } worker observing online offline gaps { from to } since seenAt
  } }`;
  expect((await api.run(query)).presenceObserver).toBeNull();
  const identityId = await register(api);
  const records = recordsOf(api);
  await records.observe({ identityId, subscription: 'one' });
  await records.record(connected('device_1'));
  expect((await api.run(query)).presenceObserver).toMatchObject({
    identity: { id: identityId },
    worker: 'one',
    observing: true,
    online: 1,
    offline: 0,
    gaps: [],
  });
  await records.observe({ identityId, subscription: 'another' });
  expect((await api.run(query)).presenceObserver.gaps).toHaveLength(1);
});

test('a thing whose name no thing can have is an error, not a thing', async () => {
  const api = await startApi(redis().url);
  const { errors } = await api.send('{ thing(name: "no thing") { name } }');
  expect(errors).toEqual([
    expect.objectContaining({
      path: ['thing'],
      extensions: expect.objectContaining({ code: 'THING_NAME_INVALID' }),
    }),
  ]);
});
