import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type RedisCluster, startRedisCluster } from '../support/redisCluster.ts';
import { auditShard } from '../store/support/auditShard.ts';
import { arbitrarySteps, LaneHistory } from '../store/support/laneHistory.ts';
import { request, ShardWorld } from '../store/support/shardWorld.ts';
import { Monitor } from './support/monitor.ts';

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster();
});

afterAll(async () => {
  await cluster.stop();
});

async function slotOf(world: ShardWorld): Promise<{ slot: number; next: () => Promise<number> }> {
  const slot = await cluster.slotOf(world.shardKeys.lease);
  const next = async () => ((await cluster.ownerOf(slot)) + 1) % cluster.servers.length;
  return { slot, next };
}

test('no script touches a key outside of the slot that it is called for', async () => {
  const monitor = await Monitor.start(cluster.servers);
  const [steps = []] = fc.sample(arbitrarySteps(), { numRuns: 1 });
  const world = await ShardWorld.open(cluster.target);
  try {
    const history = await LaneHistory.begin(world);
    for (const step of steps) await history.take(step);
    await history.end();
    await world.accept([request(await world.identity())], { idempotencyKey: 'a key' });
    const end = `${world.shardKeys.tag}:end`;
    await monitor.reached(end, () => world.redis.get(end));
  } finally {
    await world.close();
    monitor.stop();
  }
  expect(monitor.strays).toEqual([]);
  expect(monitor.touched).toBeGreaterThan(100);
});

test('while a slot moves, its scripts are refused as a whole, and go on behind it', async () => {
  const world = await ShardWorld.open(cluster.target);
  try {
    const identityId = await world.identity();
    const things = Array.from({ length: 30 }, (_, at) => ({ thing: `device_${at}` }));
    const requests = things.map((over) => request(identityId, over));
    await world.accept(requests);
    const owner = await world.takeOver();
    const { slot, next } = await slotOf(world);
    const refused = await cluster.refusals('TRYAGAIN');
    const late: Promise<unknown>[] = [];
    const moved = await cluster.moveSlot(slot, await next(), async () => {
      late.push(world.accept(requests), owner.lanes.sweep(0, 100, 0), owner.lanes.expireDue(1, 1));
      const met = async () => {
        expect(await cluster.refusals('TRYAGAIN')).toBeGreaterThanOrEqual(refused + late.length);
      };
      await eventually(met);
    });
    expect(moved).toBeGreaterThan(things.length);
    await Promise.all(late);
    await auditShard(world);
    await owner.finish();
    await auditShard(world);
    expect([...world.accepted.values()].flat()).toHaveLength(2 * things.length);
  } finally {
    await world.close();
  }
});

test('whatever happens in whatever order while the slot moves, lanes, indexes and counters agree', async () => {
  const [steps = []] = fc.sample(arbitrarySteps(), { numRuns: 1 });
  const world = await ShardWorld.open(cluster.target);
  try {
    const history = await LaneHistory.begin(world);
    const { slot, next } = await slotOf(world);
    const over = new AbortController();
    /** How many keys went along with each move. */
    const moves: number[] = [];
    const moving = (async () => {
      while (!over.signal.aborted) moves.push(await cluster.moveSlot(slot, await next()));
    })().finally(() => over.abort());
    // Over again, where the history is shorter than two moves take.
    while (moves.length < 2 && !over.signal.aborted) {
      for (const step of steps) await history.take(step);
    }
    over.abort();
    await moving;
    expect(moves.length).toBeGreaterThan(1);
    await auditShard(world);
    await history.end();
    await auditShard(world);
  } finally {
    await world.close();
  }
});
