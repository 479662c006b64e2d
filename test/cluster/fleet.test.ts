import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type RedisCluster, startRedisCluster } from '../support/redisCluster.ts';
import { ClusterFleet, UPDATES } from './support/clusterFleet.ts';

let cluster: RedisCluster;
const open: ClusterFleet[] = [];

beforeAll(async () => {
  cluster = await startRedisCluster({ aof: 'always' });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((deployment) => deployment.stop()));
});

afterAll(async () => {
  await cluster.stop();
});

async function start() {
  const deployment = await ClusterFleet.start(cluster);
  open.push(deployment);
  return { deployment, fleet: deployment.fleet };
}

const ALL_SUCCEEDED = { SUCCEEDED: UPDATES };

test('workers that are told to stop, and killed, hand over: all is delivered, in order', async () => {
  const { deployment, fleet } = await start();
  const [told, killed] = await Promise.all([fleet.workerProcess(), fleet.workerProcess()]);
  const finding = await deployment.run([
    {
      at: 0.2,
      happens: async () => {
        told.signal('SIGTERM');
        expect(await told.exited).toEqual({ code: 0, signal: null });
        await fleet.workerProcess();
      },
    },
    { at: 0.5, happens: () => killed.kill() },
  ]);
  expect(finding).toMatchObject({ faults: [], states: ALL_SUCCEEDED, applied: UPDATES });
  expect(await deployment.counts()).toEqual(ALL_SUCCEEDED);
});

test('slots that move while their shards deliver lose nothing', async () => {
  const { deployment, fleet } = await start();
  await Promise.all([fleet.worker(), fleet.worker()]);
  const moved: number[] = [];
  const move = (shard: number) => async () => {
    const slot = await cluster.slotOf(fleet.keys.shard(shard).lease);
    const to = ((await cluster.ownerOf(slot)) + 1) % cluster.servers.length;
    moved.push(await cluster.moveSlot(slot, to));
  };
  const finding = await deployment.run(
    [0, 1, 2, 3, 4, 5].map((shard) => ({ at: 0.1 + shard * 0.1, happens: move(shard) })),
  );
  expect(finding).toMatchObject({ faults: [], states: ALL_SUCCEEDED, applied: UPDATES });
  expect(await deployment.counts()).toEqual(ALL_SUCCEEDED);
  expect(Math.min(...moved)).toBeGreaterThan(0);
});

test('masters that are killed and come back with their append-only file lose nothing', async () => {
  const { deployment, fleet } = await start();
  await Promise.all([fleet.worker(), fleet.worker()]);
  const finding = await deployment.run(
    cluster.servers.map((server, at) => ({
      at: 0.2 + at * 0.2,
      happens: async () => {
        await server.kill();
        await server.launch();
      },
    })),
  );
  expect(finding).toMatchObject({ faults: [], states: ALL_SUCCEEDED, applied: UPDATES });
  expect(await deployment.counts()).toEqual(ALL_SUCCEEDED);
});
