import { expect, test } from 'vitest';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { runScript } from '../../src/shared/redis/script.ts';
import { HEARTBEAT } from '../../src/shared/store/lua/fleetScripts.ts';
import { ACQUIRE_LEASE } from '../../src/shared/store/lua/leaseScripts.ts';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadows } from './support/operations.ts';
import { type Json, startApi } from './support/testApi.ts';

const redis = useRedis();

const FLEET = /* GraphQL */ `
  {
    fleet {
      workers { name lastHeartbeatAt shards draining }
      shards { number owner epoch leaseExpiresAt openUpdates { queued } oldestAcceptedAt jobs { waiting bulk active delayed failed } }
      openUpdates { queued held inFlight }
      oldestWaitSeconds
    }
  }
`;

test('the fleet shows without any worker: every shard is free, what waits is counted', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const update = { identityId, thing: 'device_1', desired: { power: 'OFF' } };
  await updateShadows(api, { updates: [update, update, { ...update, thing: 'device_2' }] });
  const { fleet } = await api.run(FLEET);
  expect(fleet.workers).toEqual([]);
  expect(fleet.shards.map((shard: Json) => shard.number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(fleet.shards.every((shard: Json) => shard.owner === null)).toBe(true);
  expect(fleet.openUpdates).toEqual({ queued: 3, held: 0, inFlight: 0 });
  expect(fleet.oldestWaitSeconds).toBeGreaterThanOrEqual(0);
  expect(fleet.shards[shardOf(identityId, 8)]).toMatchObject({
    openUpdates: { queued: 3 },
    jobs: { waiting: 1, bulk: 1, active: 0, delayed: 0, failed: 0 },
    oldestAcceptedAt: expect.stringMatching(/Z$/),
  });
});

test('a worker that beats shows with the shards whose leases it holds', async () => {
  const api = await startApi(redis().url);
  const { members, memberInfo } = api.keys;
  await runScript(api.redis, HEARTBEAT, [members, memberInfo], ['worker-1', '{}', 5000]);
  for (const [shard, leaseMs] of [
    [2, 60_000],
    [5, 60_000],
    [6, 0],
  ] as const) {
    const args = ['worker-1', `token-${shard}`, leaseMs];
    await runScript(api.redis, ACQUIRE_LEASE, [api.keys.shard(shard).lease], args);
  }
  const { fleet } = await api.run(FLEET);
  expect(fleet.workers).toEqual([
    {
      name: 'worker-1',
      lastHeartbeatAt: expect.stringMatching(/Z$/),
      shards: [2, 5],
      draining: false,
    },
  ]);
  expect(fleet.shards[2]).toMatchObject({
    owner: 'worker-1',
    epoch: expect.stringMatching(/^\d+$/),
  });
  expect(fleet.shards[6]).toMatchObject({ owner: null, leaseExpiresAt: null });
});
