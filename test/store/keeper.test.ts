import * as fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import type { Service } from '../../src/shared/lifecycle/service.ts';
import { Keys } from '../../src/shared/redis/keys.ts';
import { createBudgets } from '../../src/workers/budgets/budgets.ts';
import { EventBus } from '../../src/workers/events.ts';
import type { Lease } from '../../src/workers/fleet/lease.ts';
import { LeaseStore } from '../../src/workers/fleet/leaseStore.ts';
import { PauseWatch } from '../../src/workers/fleet/pauseWatch.ts';
import { RedisClock } from '../../src/workers/fleet/redisClock.ts';
import { ShardKeeper } from '../../src/workers/fleet/shardKeeper.ts';
import { WorkerTuning } from '../../src/workers/fleet/workerTuning.ts';
import type { ShardRuntime } from '../../src/workers/shard/shardRuntime.ts';
import { eventually } from '../support/eventually.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();
const SHARDS = 5;
const LEASE_MS = 400;
const HEARTBEAT_MS = 40;
/** However a shard lost its owner, it has one again when its lease has run out and this has passed. */
const OWNED_AGAIN_MS = LEASE_MS + 3000;
const LONG_MS = 60_000;
const log = pino({ level: 'silent' });

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

interface JoinOptions {
  readonly heartbeatMs?: number;
  readonly leaseMs?: number;
  readonly minHoldMs?: number;
  readonly Store?: typeof LeaseStore;
  readonly runtime?: Partial<ShardRuntime>;
}

/** Workers that keep shards, without anything to deliver, on one Redis and one clock. */
class Fleet {
  readonly #keys = new Keys(uniquePrefix('keeper'));
  readonly #members = new Map<string, { service: Service; cut(): void; heal(): void }>();
  readonly #leases: { worker: string; lease: Lease }[] = [];
  readonly #cut = new Set<string>();
  readonly #ownerlessSince = new Map<number, number>();
  readonly violations: string[] = [];
  readonly #client = redis().connect();
  readonly store = new LeaseStore(this.#client, this.#keys, SHARDS);
  #joined = 0;

  get names(): string[] {
    return [...this.#members.keys()];
  }

  /** Leases that were taken so far. */
  get taken(): number {
    return this.#leases.length;
  }

  /** Leases that some worker believes in. */
  get believed(): number {
    return this.#leases.filter(({ lease }) => lease.valid).length;
  }

  async join({
    heartbeatMs = HEARTBEAT_MS,
    leaseMs = LEASE_MS,
    minHoldMs = 0,
    Store = LeaseStore,
    runtime = {},
  }: JoinOptions = {}): Promise<string> {
    this.#joined += 1;
    const worker = `worker-${this.#joined}`;
    const client = redis().connect({ maxRetriesPerRequest: null, retryStrategy: () => 20 });
    const keeper = new ShardKeeper(
      { worker, heartbeatMs, leaseMs, minHoldMs, metricsUrl: () => '' },
      {
        leases: new Store(client, this.#keys, SHARDS),
        clock: new RedisClock(),
        tuning: new WorkerTuning(createBudgets(client, this.#keys, { AWS_QUOTAS: 'default' }), 1),
        pauses: new PauseWatch(SHARDS),
        events: new EventBus(log),
        log,
        createRuntime: (lease) => this.#runtime(worker, lease, runtime),
      },
    );
    const service = keeper.asService();
    this.#members.set(worker, {
      service,
      // A partition: what is sent waits in the client until the network is back.
      cut: () => client.disconnect(),
      heal: () => {
        const reconnect = () => {
          // Unless it was cut off again while it ended.
          if (!this.#cut.has(worker)) client.connect().catch(() => undefined);
        };
        if (client.status === 'end') reconnect();
        else client.once('end', reconnect);
      },
    });
    await service.start();
    return worker;
  }

  async leave(worker: string, deadline = AbortSignal.timeout(2000)): Promise<void> {
    const member = this.#members.get(worker);
    this.#members.delete(worker);
    await member?.service.stop(deadline);
  }

  cut(worker: string): void {
    this.#cut.add(worker);
    this.#members.get(worker)?.cut();
  }

  heal(worker: string): void {
    if (!this.#cut.delete(worker)) return;
    this.#members.get(worker)?.heal();
  }

  async close(): Promise<void> {
    for (const worker of this.names) this.heal(worker);
    await Promise.all(this.names.map((worker) => this.leave(worker)));
  }

  /** Another heartbeat of somebody whom Redis hears; at once where it hears nobody. */
  async beat(): Promise<void> {
    if (this.names.every((name) => this.#cut.has(name))) return;
    const before = await this.#beats();
    await eventually(async () => expect(await this.#beats()).not.toEqual(before));
  }

  /** Whoever is cut off owns nothing any more, by Redis's clock. */
  async leasesRunOut(): Promise<void> {
    await eventually(async () => {
      const owners = new Set(await this.store.owners());
      for (const worker of this.#cut) expect(owners).not.toContain(worker);
    });
  }

  async #beats(): Promise<readonly (string | null)[]> {
    const fields = this.names.map((name) => `${name}|beats`);
    return this.#client.hmget(this.#keys.memberInfo, ...fields);
  }

  /**
   * Notes where two workers believe at the same moment that a shard is theirs, and where none has
   * for too long, although Redis hears one.
   */
  check(): void {
    const heard = this.names.some((name) => !this.#cut.has(name));
    const now = performance.now();
    for (let shard = 0; shard < SHARDS; shard += 1) {
      const valid = this.#leases.filter(({ lease }) => lease.shard === shard && lease.valid);
      if (valid.length > 1) {
        this.violations.push(`shard ${shard}: ${valid.map(({ worker }) => worker).join(', ')}`);
      }
      if (valid.length > 0 || !heard) this.#ownerlessSince.delete(shard);
      else if (!this.#ownerlessSince.has(shard)) this.#ownerlessSince.set(shard, now);
      if (now - (this.#ownerlessSince.get(shard) ?? now) > OWNED_AGAIN_MS) {
        this.violations.push(`shard ${shard}: nobody for more than ${OWNED_AGAIN_MS} ms`);
        this.#ownerlessSince.delete(shard);
      }
    }
  }

  #runtime(worker: string, lease: Lease, over: Partial<ShardRuntime>): ShardRuntime {
    this.#leases.push({ worker, lease });
    this.check();
    const runtime = {
      lease,
      idle: true,
      tune: () => undefined,
      start: () => Promise.resolve(),
      drain: () => Promise.resolve(),
      abort: () => Promise.resolve(lease.lose()),
    };
    // Not copied: what they say may change.
    Object.defineProperties(runtime, Object.getOwnPropertyDescriptors(over));
    return runtime as unknown as ShardRuntime;
  }
}

function openFleet(): Fleet {
  const fleet = new Fleet();
  open.push(() => fleet.close());
  return fleet;
}

async function expectEven(fleet: Fleet): Promise<void> {
  await eventually(async () => {
    const owners = await fleet.store.owners();
    const shares = fleet.names.map((name) => owners.filter((owner) => owner === name).length);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(SHARDS);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    // What Redis grants, its worker hears of a moment later.
    expect(fleet.believed).toBe(SHARDS);
  });
}

test('shards go to who is there, evenly, and to those that stay when one leaves', async () => {
  const fleet = openFleet();
  const first = await fleet.join();
  await expectEven(fleet);
  await fleet.join();
  await expectEven(fleet);
  await fleet.join();
  await expectEven(fleet);
  await fleet.leave(first);
  expect(await fleet.store.owners(), 'a planned end leaves no lease').not.toContain(first);
  await expectEven(fleet);
  expect(fleet.violations).toEqual([]);
});

test('a busy shard stays where it is for a while, and an idle one goes where it makes the fleet even', async () => {
  const fleet = openFleet();
  let idle = false;
  const runtime = {
    get idle() {
      return idle;
    },
  };
  const held = { minHoldMs: LONG_MS, leaseMs: LONG_MS, runtime };
  const first = await fleet.join(held);
  await eventually(() => expect(fleet.taken).toBe(SHARDS));
  await fleet.join(held);
  // From its second heartbeat on the other one counts.
  for (let beat = 0; beat < 10; beat += 1) await fleet.beat();
  expect(new Set(await fleet.store.owners())).toEqual(new Set([first]));
  idle = true;
  await expectEven(fleet);
});

test('a worker that Redis cannot hear stops believing in its leases before others take them', async () => {
  const fleet = openFleet();
  const [first, second] = [await fleet.join(), await fleet.join()];
  await expectEven(fleet);
  fleet.cut(first);
  await eventually(async () => {
    fleet.check();
    expect(new Set(await fleet.store.owners())).toEqual(new Set([second]));
  });
  fleet.heal(first);
  await expectEven(fleet);
  expect(fleet.violations).toEqual([]);
});

test('after Redis was away for longer than a lease nobody takes what its owner can renew yet', async () => {
  const fleet = openFleet();
  // The second one renews what is its own long before the first one's patience, of three of its own
  // heartbeats, is over.
  const first = await fleet.join({ heartbeatMs: 800, leaseMs: 1600 });
  const second = await fleet.join({ heartbeatMs: 50, leaseMs: 1600 });
  await expectEven(fleet);
  const { taken } = fleet;
  fleet.cut(first);
  fleet.cut(second);
  await fleet.leasesRunOut();
  fleet.heal(first);
  // From its second heartbeat on it would take what looks free.
  for (let beat = 0; beat < 2; beat += 1) await fleet.beat();
  fleet.heal(second);
  await expectEven(fleet);
  expect(fleet.taken).toBe(taken);
  expect(fleet.violations).toEqual([]);
});

test('a worker that flaps moves no shard of the others, nor its own while its leases last', async () => {
  const fleet = openFleet();
  const stable = [await fleet.join({ leaseMs: LONG_MS }), await fleet.join({ leaseMs: LONG_MS })];
  await expectEven(fleet);
  const { taken } = fleet;
  for (let flap = 0; flap < 10; flap += 1) {
    // Gone before its second heartbeat, from which on it would count.
    await fleet.leave(await fleet.join({ heartbeatMs: LONG_MS, leaseMs: LONG_MS }));
    for (const worker of stable) {
      fleet.cut(worker);
      fleet.heal(worker);
      await fleet.beat();
    }
  }
  expect(fleet.taken).toBe(taken);
  await expectEven(fleet);
  expect(fleet.violations).toEqual([]);
});

test('a lease that is granted while its worker stops is given back, and nothing begun', async () => {
  const fleet = openFleet();
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  /** Of the leases that one heartbeat asks for, some fail at once, and one takes its time. */
  class Slow extends LeaseStore {
    override async acquire(...args: Parameters<LeaseStore['acquire']>): Promise<Lease | undefined> {
      if (args[0] > 0) throw new Error('the node of this slot is away');
      const lease = await super.acquire(...args);
      await answered;
      return lease;
    }
  }
  const worker = await fleet.join({ leaseMs: LONG_MS, Store: Slow });
  await eventually(async () => expect(await fleet.store.owners()).toContain(worker));
  await fleet.leave(worker);
  answer();
  await eventually(async () => expect(await fleet.store.owners()).not.toContain(worker));
  expect(fleet.taken).toBe(0);
});

test('at the deadline every shard is let go, also where one hangs', async () => {
  const fleet = openFleet();
  let abandoned = 0;
  const never = new Promise<never>(() => undefined);
  const hangs = () => {
    abandoned += 1;
    return never;
  };
  const worker = await fleet.join({ runtime: { drain: () => never, abort: hangs } });
  await eventually(() => expect(fleet.taken).toBe(SHARDS));
  void fleet.leave(worker, AbortSignal.abort());
  await eventually(() => expect(abandoned).toBe(SHARDS));
});

const step = fc.record({
  what: fc.constantFrom('join', 'leave', 'cut', 'heal'),
  who: fc.nat({ max: 9 }),
  /** What happens before the next step: nothing, or it takes a heartbeat, or a lease. */
  pause: fc.constantFrom('at once', 'a beat', 'leases run out'),
});

test('over random joins, leaves and partitions no shard ever has two holders, and one again within a lease and 3 s', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 6 }), async (steps) => {
      const fleet = openFleet();
      const watch = setInterval(() => fleet.check(), 1);
      try {
        await fleet.join();
        for (const { what, who, pause } of steps) {
          const worker = fleet.names[who % fleet.names.length] ?? '';
          if (what === 'join' && fleet.names.length < 4) await fleet.join();
          if (what === 'leave' && fleet.names.length > 1) {
            fleet.heal(worker);
            await fleet.leave(worker);
          }
          if (what === 'cut') fleet.cut(worker);
          if (what === 'heal') fleet.heal(worker);
          if (pause === 'a beat') await fleet.beat();
          if (pause === 'leases run out') await fleet.leasesRunOut();
        }
        for (const worker of fleet.names) fleet.heal(worker);
        await expectEven(fleet);
        expect(fleet.violations).toEqual([]);
      } finally {
        clearInterval(watch);
        await fleet.close();
      }
    }),
    { numRuns: 25, endOnFailure: true, interruptAfterTimeLimit: 12_000 },
  );
});
