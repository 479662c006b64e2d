import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { newIdentityId, shardOf } from '../../src/shared/domain/ids.ts';
import { isFinal, type UpdateState } from '../../src/shared/domain/sets.ts';
import { CourierError } from '../../src/shared/errors/courierError.ts';
import { ShardQueues } from '../../src/shared/queue/shardQueues.ts';
import type { RedisClient } from '../../src/shared/redis/client.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { runScript } from '../../src/shared/redis/script.ts';
import { BatchIntake } from '../../src/shared/store/batchIntake.ts';
import { GroupDirectory } from '../../src/shared/store/groupDirectory.ts';
import { GroupRouter } from '../../src/shared/store/groupRouter.ts';
import { CREATE_IDENTITY } from '../../src/shared/store/lua/identityScripts.ts';
import { SEAL_CHOICE } from '../../src/shared/store/lua/groupScripts.ts';
import { UpdateControl } from '../../src/shared/store/updateControl.ts';
import { UpdateIntake } from '../../src/shared/store/updateIntake.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { keysLike } from '../support/servers.ts';
import { useStore } from '../support/useStore.ts';

const SHARDS = 4;
const RETENTION_MS = 600_000;
const settings = { shardCount: SHARDS, retentionMs: RETENTION_MS };

const store = useStore();
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

interface Sent {
  readonly id: string;
  readonly identityId: string;
  readonly thing: string;
}

/** A deployment of several shards with one group, and everything that was sent through it. */
class GroupWorld {
  readonly keys: Keys;
  readonly sent: Sent[] = [];
  readonly redis: RedisClient;
  readonly groups: GroupDirectory;
  readonly router: GroupRouter;
  readonly queues: ShardQueues;
  readonly control: UpdateControl;
  groupId = '';

  constructor(redis: RedisClient, keys: Keys, queues: ShardQueues, choiceTtlMs: number) {
    this.redis = redis;
    this.keys = keys;
    this.groups = new GroupDirectory(redis, this.keys, SHARDS);
    this.router = new GroupRouter(redis, this.keys, { ...settings, choiceTtlMs });
    this.queues = queues;
    this.control = new UpdateControl(redis, this.keys, queues, settings);
  }

  static async open(members: number, choiceTtlMs = RETENTION_MS): Promise<GroupWorld> {
    const redis = connectRedis(store());
    const queueRedis = connectRedis(store());
    await Promise.all([redis.connect(), queueRedis.connect()]);
    const keys = new Keys(uniquePrefix('group'));
    const queues = new ShardQueues(queueRedis, keys);
    const world = new GroupWorld(redis, keys, queues, choiceTtlMs);
    open.push(async () => {
      await queues.close();
      redis.disconnect();
      queueRedis.disconnect();
    });
    world.groupId = (await world.groups.create('plant', undefined, 'tests')).id;
    for (let at = 0; at < members; at += 1) await world.join(await world.identity());
    return world;
  }

  async identity(): Promise<string> {
    const id = newIdentityId();
    const { lease } = this.keys.shard(shardOf(id, SHARDS));
    await runScript(this.redis, CREATE_IDENTITY, [lease], [id, 'sealed', 'username', id]);
    return id;
  }

  join(identityId: string): Promise<void> {
    return this.groups.add(this.groupId, identityId);
  }

  async send(thing: string, over: object = {}, router = this.router): Promise<string> {
    const asked = { identityId: '', groupId: this.groupId, thing, desired: { power: 'OFF' } };
    const request = { ...asked, confirm: 'ACCEPTED' as const };
    const intake = new UpdateIntake(this.redis, this.keys, this.queues, settings, router);
    const [row] = await intake.accept([request], { actor: 'tests', ...over });
    if (row?.taken !== true) throw row?.error ?? new TypeError('a request without its row');
    const { updateId: id, identityId } = row;
    if (!this.sent.some((one) => one.id === id)) this.sent.push({ id, identityId, thing });
    return identityId;
  }

  async open(): Promise<readonly Sent[]> {
    const states = await Promise.all(
      this.sent.map(async ({ id, identityId }) => {
        const keys = this.keys.shard(shardOf(identityId, SHARDS));
        return (await this.redis.hget(keys.update(id), 'state')) as UpdateState;
      }),
    );
    return this.sent.filter((_, at) => !isFinal(states[at] ?? 'QUEUED'));
  }

  async park(identityId: string, status: 'ACTIVE' | 'QUARANTINED'): Promise<void> {
    const keys = this.keys.shard(shardOf(identityId, SHARDS));
    await this.redis.hset(keys.identity(identityId), 'status', status);
  }

  /** Half of a move: whoever began it crashed. */
  async sealAlone(thing: string): Promise<void> {
    const choice = await this.redis.hget(this.keys.groupChoices(this.groupId), thing);
    const [identityId = '', version = ''] = (choice ?? '').split('|');
    if (version === '') return;
    const { lease } = this.keys.shard(shardOf(identityId, SHARDS));
    const args = [this.groupId, identityId, thing, version, RETENTION_MS];
    await runScript(this.redis, SEAL_CHOICE, [lease], args);
  }

  /** What the group promises, looked at from the records and not from its own counts. */
  async audit(): Promise<void> {
    const still = await this.open();
    const senders = new Map<string, Set<string>>();
    for (const { thing, identityId } of still) {
      senders.set(thing, (senders.get(thing) ?? new Set()).add(identityId));
    }
    for (const [thing, members] of senders) {
      expect([...members], `open updates of ${thing} are one member's`).toHaveLength(1);
    }
    expect(await this.groups.busyThings(this.groupId)).toBe(senders.size);
  }
}

test('one thing is always sent for by the same member, and things spread over the members', async () => {
  const world = await GroupWorld.open(4);
  const things = Array.from({ length: 60 }, (_, at) => `device_${at}`);
  const first = new Map<string, string>();
  for (const thing of things) first.set(thing, await world.send(thing));
  for (const thing of things) expect(await world.send(thing)).toBe(first.get(thing));
  expect(new Set(first.values()).size).toBe(4);
  await world.join(await world.identity());
  for (const thing of things) expect(await world.send(thing)).toBe(first.get(thing));
  await world.audit();
});

test('a member that leaves or is parked keeps a thing until nothing of it is open', async () => {
  const world = await GroupWorld.open(2);
  const member = await world.send('device_1');
  await world.park(member, 'QUARANTINED');
  expect(await world.send('device_1')).toBe(member);
  for (const { id } of await world.open()) await world.control.cancel(id, 'tests', undefined);
  const other = await world.send('device_1');
  expect(other).not.toBe(member);
  await world.park(member, 'ACTIVE');
  expect(await world.send('device_1'), 'it does not move back').toBe(other);
  await world.groups.remove(world.groupId, other);
  expect(await world.send('device_1')).toBe(other);
  for (const { id } of await world.open()) await world.control.cancel(id, 'tests', undefined);
  expect(await world.send('device_1')).toBe(member);
});

test('where all members are parked the chosen one stays, and without a member nothing is sent', async () => {
  const world = await GroupWorld.open(2);
  const member = await world.send('device_1');
  for (const id of await world.groups.memberIds(world.groupId)) await world.park(id, 'QUARANTINED');
  for (const { id } of await world.open()) await world.control.cancel(id, 'tests', undefined);
  expect(await world.send('device_1')).toBe(member);
  for (const { id } of await world.open()) await world.control.cancel(id, 'tests', undefined);
  for (const id of await world.groups.memberIds(world.groupId)) {
    await world.groups.remove(world.groupId, id);
  }
  await expect(world.send('device_1')).rejects.toMatchObject({ code: 'GROUP_EMPTY' });
});

test('a repeated request is the same updates, whoever sends for the group by now', async () => {
  const world = await GroupWorld.open(3);
  const key = { idempotencyKey: 'one' };
  const member = await world.send('device_1', key);
  const [first] = world.sent;
  await world.control.cancel(first?.id ?? '', 'tests', undefined);
  await world.groups.remove(world.groupId, member);
  expect(await world.send('device_2', { idempotencyKey: 'two' })).not.toBe(member);
  expect(await world.send('device_1', key)).toBe(member);
  expect(world.sent.filter(({ thing }) => thing === 'device_1')).toHaveLength(1);
});

test('a request that was cut off before its rows were accepted is finished by whoever sends now', async () => {
  const world = await GroupWorld.open(3);
  const member = await world.send('device_1');
  for (const { id } of await world.open()) await world.control.cancel(id, 'tests', undefined);
  const [before] = await Promise.allSettled([
    // The record is written, and the identity is gone when its rows come.
    (async () => {
      const keys = world.keys.shard(shardOf(member, SHARDS));
      const record = await world.redis.hgetall(keys.identity(member));
      await world.redis.del(keys.identity(member));
      const sender = await world.send('device_1', { idempotencyKey: 'cut' });
      await world.redis.hset(keys.identity(member), record);
      return sender;
    })(),
  ]);
  expect(before).toMatchObject({ status: 'fulfilled' });
  const sender = before.status === 'fulfilled' ? before.value : '';
  expect(sender).not.toBe(member);
  expect(await world.send('device_1', { idempotencyKey: 'cut' })).toBe(sender);
  expect(await world.open()).toHaveLength(1);
  await world.audit();
});

test('whoever read a choice before it moved is refused by it, and sends by the one that holds', async () => {
  const world = await GroupWorld.open(2);
  const early = await world.router.routes(world.groupId, ['device_1']);
  const member = early.get('device_1')?.identityId ?? '';
  await world.park(member, 'QUARANTINED');
  const other = await world.send('device_1');
  expect(other).not.toBe(member);
  await world.park(member, 'ACTIVE');

  let asked = 0;
  const late = new (class extends GroupRouter {
    override routes(...args: Parameters<GroupRouter['routes']>): ReturnType<GroupRouter['routes']> {
      asked += 1;
      return asked === 1 ? Promise.resolve(early) : super.routes(...args);
    }
  })(world.redis, world.keys, settings);
  expect(await world.send('device_1', {}, late)).toBe(other);
  expect(asked).toBe(2);
  await world.audit();
});

test('a batch that is finished after a crash sends a row that was routed anew once', async () => {
  const world = await GroupWorld.open(3);
  const early = await world.router.routes(world.groupId, ['device_1']);
  const member = early.get('device_1')?.identityId ?? '';
  await world.park(member, 'QUARANTINED');
  for (const thing of ['device_1', 'device_2']) await world.send(thing);
  for (const { id } of await world.open()) await world.control.cancel(id, 'tests', undefined);
  await world.park(member, 'ACTIVE');
  const { redis, keys, queues, router } = world;

  let asked = 0;
  const late = new (class extends GroupRouter {
    override routes(...args: Parameters<GroupRouter['routes']>): ReturnType<GroupRouter['routes']> {
      asked += 1;
      return asked === 1 ? Promise.resolve(early) : super.routes(...args);
    }
  })(redis, keys, settings);
  const crashing = new (class extends UpdateIntake {
    override async take(
      ...args: Parameters<UpdateIntake['take']>
    ): ReturnType<UpdateIntake['take']> {
      await super.take(...args);
      throw new Error('crashed before the accept was ended');
    }
  })(redis, keys, queues, settings, late);
  const asking = { identityId: '', groupId: world.groupId, thing: 'device_1' };
  const request = { ...asking, desired: { power: 'OFF' }, confirm: 'ACCEPTED' as const };
  const begun = new BatchIntake(redis, keys, crashing, settings);
  const options = { actor: 'tests', onError: 'SKIP_INVALID' } as const;
  await expect(begun.accept([request], options)).rejects.toThrow('crashed');
  expect(asked).toBe(2);

  const intake = new UpdateIntake(redis, keys, queues, settings, router);
  const finishing = new BatchIntake(redis, keys, intake, settings);
  const [batchId = ''] = await finishing.unfinished(Date.now() + 1000, 10);
  await finishing.finish(batchId);
  const records = await keysLike(redis, `{${keys.prefix}:*:update:*`);
  const rows = await Promise.all(records.map((key) => redis.hmget(key, 'batch', 'state')));
  expect(rows.filter(([batch]) => batch === batchId)).toEqual([[batchId, 'QUEUED']]);
});

test('choices that are not used are forgotten, unless something of them is open', async () => {
  const world = await GroupWorld.open(3, 0);
  for (let at = 0; at < 40; at += 1) await world.send(`device_${at}`);
  for (const { id } of await world.open()) await world.control.cancel(id, 'tests', undefined);
  const kept = await world.send('device_0');
  for (let at = 100; at < 140; at += 1) await world.send(`device_${at}`);
  const choices = await world.redis.hgetall(world.keys.groupChoices(world.groupId));
  const old = Object.keys(choices).filter((thing) => Number(thing.slice(7)) < 40);
  expect(old).toContain('device_0');
  expect(old.length).toBeLessThan(40);
  expect(await world.send('device_0')).toBe(kept);
  await world.audit();
});

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('send' as const), thing: fc.nat({ max: 2 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), at: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('park' as const), at: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('free' as const), at: fc.nat({ max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('leave' as const), at: fc.nat({ max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join' as const), at: fc.nat({ max: 3 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('crash' as const), thing: fc.nat({ max: 2 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take(world: GroupWorld, identities: readonly string[], step: Step): Promise<void> {
  const identity = 'at' in step ? (identities[step.at % identities.length] ?? '') : '';
  switch (step.do) {
    case 'send':
      await world.send(`device_${step.thing}`).catch((error: unknown) => {
        if (!(error instanceof CourierError)) throw error;
      });
      return;
    case 'end': {
      const still = await world.open();
      const one = still[step.at % Math.max(1, still.length)];
      if (one !== undefined) await world.control.cancel(one.id, 'tests', undefined);
      return;
    }
    case 'park':
      return world.park(identity, 'QUARANTINED');
    case 'free':
      return world.park(identity, 'ACTIVE');
    case 'leave':
      return world.groups.remove(world.groupId, identity);
    case 'join':
      return world.join(identity);
    case 'crash':
      return world.sealAlone(`device_${step.thing}`);
    default:
      step satisfies never;
  }
}

test('whatever happens at once, open updates of a thing through a group are one member’s', async () => {
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), {
    minLength: 10,
    maxLength: 25,
    size: 'max',
  });
  await fc.assert(
    fc.asyncProperty(rounds, fc.constantFrom(0, RETENTION_MS), async (history, choiceTtlMs) => {
      const world = await GroupWorld.open(0, choiceTtlMs);
      const identities = [1, 2, 3, 4].map(() => world.identity());
      const members = await Promise.all(identities);
      await Promise.all(members.slice(0, 3).map((id) => world.join(id)));
      for (const round of history) {
        await Promise.all(round.map((one) => take(world, members, one)));
        await world.audit();
      }
    }),
    { numRuns: 25, endOnFailure: true, interruptAfterTimeLimit: 12_000 },
  );
});
