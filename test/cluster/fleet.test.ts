import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type RedisCluster, startRedisCluster } from '../support/redisCluster.ts';
import { ClusterFleet, type Event, UPDATES } from './support/clusterFleet.ts';

let cluster: RedisCluster;
let deployment: ClusterFleet;

beforeAll(async () => {
  cluster = await startRedisCluster({ aof: 'always' });
  deployment = await ClusterFleet.start(cluster);
});

afterAll(async () => {
  await deployment.stop();
  await cluster.stop();
});

/** Two workers are running before and after each test. */
async function expectNothingLost(name: string, events: readonly Event[]): Promise<void> {
  const { finding, counted } = await deployment.run(name, events);
  expect(finding).toMatchObject({ faults: [], states: { SUCCEEDED: UPDATES }, applied: UPDATES });
  expect(counted).toEqual({ SUCCEEDED: UPDATES });
}

test('workers that are told to stop, and killed, hand over: all is delivered, in order', async () => {
  const { fleet } = deployment;
  const [told, killed] = await Promise.all([fleet.workerProcess(), fleet.workerProcess()]);
  await expectNothingLost('handover', [
    {
      at: 0.2,
      happens: async () => {
        told.signal('SIGTERM');
        expect(await told.exited).toEqual({ code: 0, signal: null });
        await fleet.workerProcess();
      },
    },
    { at: 0.5, happens: () => Promise.all([killed.kill(), fleet.workerProcess()]) },
  ]);
});

test('slots that move while their shards deliver lose nothing', async () => {
  const { fleet } = deployment;
  const moved: number[] = [];
  const move = (shard: number) => async () => {
    const slot = await cluster.slotOf(fleet.keys.shard(shard).lease);
    const to = ((await cluster.ownerOf(slot)) + 1) % cluster.servers.length;
    const refused = await cluster.refusals('TRYAGAIN');
    // Half-way, until a script was refused: the lease's renewal, if nothing else.
    const halfway = () =>
      eventually(async () => expect(await cluster.refusals('TRYAGAIN')).toBeGreaterThan(refused));
    moved.push(await cluster.moveSlot(slot, to, halfway));
  };
  await expectNothingLost(
    'slots',
    [0, 1, 2, 3, 4, 5].map((shard) => ({ at: 0.1 + shard * 0.1, happens: move(shard) })),
  );
  expect(Math.min(...moved)).toBeGreaterThan(0);
});

test('masters that are killed and come back with their append-only file lose nothing', async () => {
  await expectNothingLost(
    'masters',
    cluster.servers.map((server, at) => ({
      at: 0.2 + at * 0.2,
      happens: async () => {
        await server.kill();
        await server.launch();
      },
    })),
  );
});
