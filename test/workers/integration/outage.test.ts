import { expect, test } from 'vitest';
import { configure } from '../../support/servers.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fleet } from '../support/fleet.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet({ redis: { aof: 'always' } });

/** An identity of this shard that a worker has connected. */
async function inShard(fleet: Fleet, shard: number): Promise<{ readonly id: string }> {
  for (;;) {
    const identity = await fleet.active();
    if ((await fleet.identity(identity.id)).shard === shard) return identity;
  }
}

test('connections stay while Redis restarts, and updates flow over them afterwards', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  await fleet.succeeded(await fleet.send(id, 'device_1', { step: 1 }));
  await world.redis().shutdown();
  await world.redis().launch();
  await fleet.succeeded(await fleet.send(id, 'device_1', { step: 2 }));

  const applied = await aws.applied(cognitoId);
  expect(applied.map(({ version }) => version)).toEqual([1, 2]);
  expect(applied[1]?.sessionIdentifier).toBe(applied[0]?.sessionIdentifier);
  expect(await aws.connects(cognitoId)).toHaveLength(1);
});

test('without Redis for longer than the lease nothing is published, and then all of it, in order', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  const worker = await fleet.worker({ LEASE_MS: '1000' });
  const { id, cognitoId } = await fleet.active();
  await fleet.succeeded(await fleet.send(id, 'device_2', { step: 0 }));
  // Answers that come while Redis is away have nobody to write them down.
  await aws.deviceFaults({ clientIds: [cognitoId], delayAcceptedMs: { min: 700, max: 700 } });
  const ids = await fleet.sendAll(
    [1, 2, 3, 4].map((step) => ({ identityId: id, thing: 'device_2', desired: { step } })),
  );
  await eventually(async () => {
    expect((await fleet.update(ids[0] ?? '')).state).toBe('IN_FLIGHT');
  });
  world.redis().pause();
  await eventually(() => {
    for (const { lease } of worker.keeper.runtimes) expect(lease.valid).toBe(false);
  });
  const published = await aws.applied(cognitoId);
  expect(published.length).toBeLessThanOrEqual(2);
  world.redis().resume();
  await aws.deviceFaults({});
  for (const update of ids) await fleet.succeeded(update);

  const applied = await aws.applied(cognitoId);
  const order = applied.map(({ desired }) => (desired as { step: number }).step);
  expect([...new Set(order)]).toEqual([0, 1, 2, 3, 4]);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(new Set(applied.map((entry) => entry.sessionIdentifier)).size).toBe(1);
});

test('what a full Redis keeps the owner of a shard from does not keep it from the rest', async () => {
  const fleet = world.fleet();
  const worker = await fleet.worker({ IDLE_CLOSE_MS: '3000' });
  const closed: string[] = [];
  worker.events.on('connection:lost', ({ identityId }) => closed.push(identityId));
  const parked = await fleet.register({ ...world.aws().user(), password: 'another one' });
  // The same shard's, so that one round looks after both.
  const { id } = await inShard(fleet, parked.shard);
  const held = await fleet.send(parked.id, 'device_3', { power: 'ON' });
  await fleet.waiting(held, 'NEEDS_OPERATOR');
  const keys = fleet.keys.shard(parked.shard);
  await configure(fleet.redis, 'maxmemory', '1');
  try {
    // Its lane wants a new job, which cannot be added.
    await fleet.redis.del(`${keys.queue}:d_${held}`);
    await eventually(() => expect(closed).toContain(id));
  } finally {
    await configure(fleet.redis, 'maxmemory', '0');
  }
});
