import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import { FencedError } from '../../src/workers/fleet/lease.ts';
import type { Claim, LaneStep } from '../../src/workers/shard/laneStore.ts';
import { auditShard } from './support/auditShard.ts';
import type { Owner } from './support/owner.ts';
import { request, type ShardWorld } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';

const openWorld = useShardWorld();

const DENIAL = {
  stage: 'CONNECT',
  gate: 'CONNECT_POLICY',
  message: 'refused',
  remedy: 'allow it',
} as const;

function claimOf(step: LaneStep | undefined): Claim {
  if (step?.kind !== 'claimed') throw new Error(`not claimed but ${step?.kind}`);
  return step.claim;
}

interface Scene {
  readonly world: ShardWorld;
  readonly owner: Owner;
  readonly identityId: string;
  readonly lane: string;
  readonly ids: readonly string[];
}

async function park({ owner, identityId }: Scene): Promise<void> {
  await owner.records.park(identityId, {
    status: 'QUARANTINED',
    waitReason: 'IDENTITY_QUARANTINED',
    denial: DENIAL,
    probeInMs: 60_000,
  });
}

async function claim({ owner, world, lane }: Scene): Promise<Claim> {
  const claimed = claimOf(await owner.lanes.claim(lane));
  world.published(lane, claimed.updateId);
  return claimed;
}

const soon = () => Date.now() + 30;

/** What a worker did before it died, between which two steps. */
const CRASHES: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  'before it took any job': () => Promise.resolve(),
  'after it took the job': ({ owner }) => owner.takeJob(),
  'after the claim, before the publish': async (scene) => {
    await scene.owner.takeJob();
    await scene.owner.lanes.claim(scene.lane);
  },
  'after the publish, before the settle': async (scene) => {
    await scene.owner.takeJob();
    await claim(scene);
  },
  'after the settle, before the next claim': async (scene) => {
    await scene.owner.takeJob();
    const claimed = await claim(scene);
    await scene.owner.lanes.settle(scene.lane, claimed, 'SUCCEEDED', {}, false);
  },
  'after a settle that claimed the next one': async (scene) => {
    await scene.owner.takeJob();
    const claimed = await claim(scene);
    await scene.owner.lanes.settle(scene.lane, claimed, 'SUCCEEDED', {}, true);
  },
  'after all updates of the job were settled, before the job completed': async ({ owner }) => {
    const job = await owner.takeJob();
    if (job !== undefined) await owner.process(job);
  },
  'after the job completed': async ({ owner }) => {
    const job = await owner.takeJob();
    if (job !== undefined) await owner.run(job);
  },
  'after giving an unknown try back, before its job was delayed': async (scene) => {
    await scene.owner.takeJob();
    const claimed = await claim(scene);
    await scene.owner.lanes.giveBack(
      scene.lane,
      claimed,
      { reason: 'BACKOFF', until: soon() },
      'sent',
    );
  },
  'after its job was delayed': async (scene) => {
    const job = await scene.owner.takeJob();
    const claimed = await claim(scene);
    const wait = { reason: 'BACKOFF', until: soon() } as const;
    await scene.owner.lanes.giveBack(scene.lane, claimed, wait, 'answered');
    await job?.moveToDelayed(soon(), scene.owner.lease.token);
  },
  'after holding a lane, before its job was delayed': async ({ owner, lane }) => {
    await owner.takeJob();
    await owner.lanes.hold(lane, { reason: 'CONNECTING', until: Date.now() + 60_000 });
  },
  'after the job was delayed for a connection': async ({ owner, lane }) => {
    const job = await owner.takeJob();
    await owner.lanes.hold(lane, { reason: 'CONNECTING', until: soon() });
    await job?.moveToDelayed(soon(), owner.lease.token);
  },
  'after parking the identity, before its job was delayed': async (scene) => {
    await scene.owner.takeJob();
    await park(scene);
  },
  'after releasing the identity, before its jobs were made ready': async (scene) => {
    const job = await scene.owner.takeJob();
    await park(scene);
    await job?.moveToDelayed(Date.now() + 60_000, scene.owner.lease.token);
    await scene.owner.records.release(scene.identityId);
  },
  'after the queue was drained': async ({ world }) => {
    await world.queues.queue(0).drain(true);
  },
  'after the sweep gave a lane a new job': async ({ world, owner }) => {
    await world.queues.queue(0).drain(true);
    await owner.sweeper.sweep();
  },
  'after the job of a sweep was taken': async ({ world, owner, lane }) => {
    await world.queues.queue(0).drain(true);
    await owner.sweeper.sweep();
    await owner.takeJob();
    await owner.lanes.claim(lane);
  },
};

async function startScene(): Promise<Scene> {
  const world = await openWorld();
  const identityId = await world.identity();
  const owner = await world.takeOver();
  const ids: string[] = [];
  // A job each in one lane, a job over both lanes, and one more behind.
  ids.push(...(await world.accept([request(identityId, { desired: { at: 1 } })])));
  ids.push(
    ...(await world.accept([
      request(identityId, { desired: { at: 2 } }),
      request(identityId, { thing: 'device_2', desired: { at: 1 } }),
    ])),
  );
  ids.push(...(await world.accept([request(identityId, { desired: { at: 3 } })])));
  return { world, owner, identityId, lane: laneId(request(identityId)), ids };
}

for (const [moment, crash] of Object.entries(CRASHES)) {
  test(`a worker that dies ${moment} loses nothing: its successor finishes in order`, async () => {
    const scene = await startScene();
    const { world, identityId, ids } = scene;
    await crash(scene);
    await auditShard(world);
    const successor = await world.takeOver();
    await auditShard(world);
    await successor.sweeper.sweep();
    const { identity } = await successor.records.read(identityId);
    if (identity.status === 'QUARANTINED') {
      const jobs = await successor.records.release(identityId);
      await Promise.all(jobs.map((job) => world.queues.promote(0, job)));
    }
    await successor.finish();
    await auditShard(world);
    expect(new Set(await world.states(ids))).toEqual(new Set(['SUCCEEDED']));
    for (const [lane, published] of world.firstPublished) {
      expect(published).toEqual(world.accepted.get(lane));
    }
    expect(await world.redis.hgetall(world.shardKeys.counts)).toMatchObject({ SUCCEEDED: '4' });
  });
}

test('what an owner of an older epoch writes is refused and changes nothing', async () => {
  const { world, owner, identityId, lane } = await startScene();
  const claimed = claimOf(await owner.lanes.claim(lane));
  await world.takeOver();
  const before = await world.dump();
  const writes: Readonly<Record<string, () => Promise<unknown>>> = {
    claim: () => owner.lanes.claim(lane),
    settle: () => owner.lanes.settle(lane, claimed, 'SUCCEEDED', {}, true),
    'give back': () => owner.lanes.giveBack(lane, claimed, { reason: 'BACKOFF' }, 'sent'),
    hold: () => owner.lanes.hold(lane, { reason: 'CONNECTING' }),
    sweep: () => owner.sweeper.sweep(),
    'write facts': () => owner.records.write(identityId, { cognitoId: 'eu-west-1:x' }),
    'write credentials': () =>
      owner.records.writeCredentials(
        identityId,
        { idToken: 'i', idTokenExpiresAt: 1, poolUsername: 'p' },
        60_000,
      ),
    'drop credentials': () => owner.records.dropCredentials(identityId),
    'grant a connect': () => owner.records.grantConnect(identityId, 0),
    park: () => park({ world, owner, identityId, lane, ids: [] }),
    release: () => owner.records.release(identityId),
  };
  for (const [name, write] of Object.entries(writes)) {
    await expect(write(), name).rejects.toThrow(FencedError);
    expect(await world.dump(), name).toEqual(before);
  }
  expect(owner.lease.valid, 'by its own clock it still held the lease').toBe(true);
});

test('a lease that ran out claims nothing, even where nobody took it', async () => {
  const { world, owner, lane } = await startScene();
  await world.expireLease();
  await expect(owner.lanes.claim(lane)).rejects.toThrow(FencedError);
});

test("a lease of the same epoch with another's token claims nothing", async () => {
  const { world, owner, lane } = await startScene();
  // As after a failover that forgot the lease, whose next holder got the same epoch.
  await world.redis.hset(world.shardKeys.lease, 'token', 'of somebody else');
  await expect(owner.lanes.claim(lane)).rejects.toThrow(FencedError);
});

test('an accept that died behind its idempotency record is finished by its replay', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  class DyingQueues extends ShardQueues {
    override runAndAdd(): Promise<never> {
      return Promise.reject(new Error('the API was killed'));
    }
  }
  const requests = [request(identityId), request(identityId, { desired: { power: 'ON' } })];
  const options = { actor: 'tests', idempotencyKey: 'once' };
  const dying = world.intakeOn(new DyingQueues(world.queueRedis, world.keys));
  await expect(dying.accept(requests, options)).rejects.toThrow('killed');
  expect(await world.redis.exists(world.shardKeys.lanes)).toBe(0);
  const ids = await world.accept(requests, { idempotencyKey: 'once' });
  expect(await world.accept(requests, { idempotencyKey: 'once' })).toEqual(ids);
  await auditShard(world);
  const owner = await world.takeOver();
  await owner.finish();
  expect(await world.states(ids)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
});

test('an accept that died between two chunks is finished by its replay, in order', async () => {
  const world = await openWorld();
  const identityId = await world.identity();
  let chunks = 0;
  class DyingQueues extends ShardQueues {
    override async runAndAdd(...args: Parameters<ShardQueues['runAndAdd']>): Promise<unknown> {
      chunks += 1;
      if (chunks > 1) throw new Error('the API was killed');
      return super.runAndAdd(...args);
    }
  }
  const requests = Array.from({ length: 150 }, (_, at) => request(identityId, { desired: { at } }));
  const options = { actor: 'tests', idempotencyKey: 'once' };
  const dying = world.intakeOn(new DyingQueues(world.queueRedis, world.keys));
  await expect(dying.accept(requests, options)).rejects.toThrow('killed');
  expect(await world.redis.llen(world.shardKeys.lane(laneId(request(identityId))))).toBe(100);
  await world.accept(requests, { idempotencyKey: 'once' });
  await auditShard(world);
  expect(await world.queues.queue(0).getJobCountByTypes('prioritized')).toBe(2);
});
