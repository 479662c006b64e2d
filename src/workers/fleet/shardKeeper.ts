import { hostname } from 'node:os';
import { messageOf } from '../../shared/errors/courierError.ts';
import { type Service, service } from '../../shared/lifecycle/service.ts';
import type { Pause } from '../../shared/domain/pause.ts';
import type { WorkerDescription } from '../../shared/domain/worker.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { EventBus } from '../events.ts';
import type { ShardRuntime } from '../shard/shardRuntime.ts';
import { assignShards } from './assignment.ts';
import type { Lease } from './lease.ts';
import type { LeaseStore, Member } from './leaseStore.ts';
import type { PauseWatch } from './pauseWatch.ts';
import type { RedisClock } from './redisClock.ts';
import type { WorkerTuning } from './workerTuning.ts';

export interface KeeperSettings {
  readonly worker: string;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly minHoldMs: number;
  readonly metricsUrl: () => string;
}

export interface KeeperDependencies {
  readonly leases: LeaseStore;
  readonly clock: RedisClock;
  readonly tuning: WorkerTuning;
  readonly pauses: PauseWatch;
  readonly events: EventBus;
  readonly log: Logger;
  createRuntime(lease: Lease): ShardRuntime;
}

/** A member counts from its second heartbeat on, so that one that flaps moves nothing. */
const BEATS_TO_COUNT = 2;
const BEATS_AFTER_SILENCE = 3;

/**
 * Keeps a worker's shards: beats, renews its leases, takes the shards that the assignment gives
 * it, and hands over those that it gives to others.
 */
export class ShardKeeper {
  readonly #settings: KeeperSettings;
  readonly #deps: KeeperDependencies;
  readonly #held = new Map<number, ShardRuntime>();
  readonly #leaving = new Map<number, Promise<void>>();
  readonly #renewing = new Set<ShardRuntime>();
  readonly #startedAt = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #draining = false;
  #lastBeatAt = 0;
  /** When Redis last answered a whole heartbeat. */
  #answeredAt = 0;
  #patientUntil = 0;
  #members: readonly Member[] = [];

  constructor(settings: KeeperSettings, deps: KeeperDependencies) {
    this.#settings = settings;
    this.#deps = deps;
  }

  get runtimes(): Iterable<ShardRuntime> {
    return this.#held.values();
  }

  get shardsHeld(): number {
    return this.#held.size;
  }

  get membersSeen(): number {
    return this.#members.length;
  }

  /** Milliseconds since Redis last answered a heartbeat. */
  get sinceBeatMs(): number {
    return this.#lastBeatAt === 0 ? Number.POSITIVE_INFINITY : performance.now() - this.#lastBeatAt;
  }

  asService(): Service {
    return service({
      name: 'shard keeper',
      start: async () => {
        await this.#beat();
        this.#timer = setInterval(() => {
          this.#renewAll();
          void this.#beat();
        }, this.#settings.heartbeatMs);
      },
      stop: (deadline) => this.#stop(deadline),
    });
  }

  /** One at a time; a beat that fails is tried again at the next. */
  #beat(): Promise<void> {
    this.#beating ??= this.#beatOnce()
      .catch((error: unknown) => {
        this.#deps.log.warn({ error: messageOf(error) }, 'a heartbeat failed');
      })
      .finally(() => {
        this.#beating = undefined;
      });
    return this.#beating;
  }

  async #beatOnce(): Promise<void> {
    const { leases } = this.#deps;
    const { worker, leaseMs } = this.#settings;
    const sentAt = Date.now();
    this.#members = await leases.beat(worker, this.#description(), leaseMs);
    const answeredAt = Date.now();
    const own = this.#members.find(({ name }) => name === worker);
    if (own !== undefined) this.#deps.clock.observe(own.lastBeatAt, sentAt, answeredAt);
    this.#lastBeatAt = performance.now();
    if (this.#stopping()) return;
    const [owners, { drains, placements, tuning, pauses }] = await Promise.all([
      leases.owners(),
      leases.wishes(),
    ]);
    await this.#followPauses(pauses);
    this.#deps.tuning.follow(tuning);
    for (const runtime of this.#held.values()) runtime.tune(this.#deps.tuning.jobConcurrency);
    if (this.#stopping() || this.#isPatient()) return;
    const counted = this.#members
      .filter(({ name, beats, draining }) => {
        return beats >= BEATS_TO_COUNT && !draining && !drains.has(name);
      })
      .map((member) => member.name);
    if (drains.has(worker)) for (const shard of this.#held.keys()) void this.#handOver(shard);
    if (!counted.includes(worker)) return;
    const assigned = assignShards(owners, counted, placements);
    await Promise.all(
      assigned.map(async (member, shard) => {
        if (member === worker && !this.#held.has(shard) && !this.#leaving.has(shard)) {
          await this.#take(shard);
        } else if (
          member !== worker &&
          (this.#mayLeave(shard) || placements.get(shard) === member)
        ) {
          void this.#handOver(shard);
        }
      }),
    );
  }

  async #followPauses(pauses: readonly Pause[]): Promise<void> {
    const { leases } = this.#deps;
    const resumed = await this.#deps.pauses.follow(pauses, (id) => leases.membersOf(id));
    if (!resumed) return;
    for (const [shard, runtime] of this.#held) {
      runtime.resume().catch((error: unknown) => {
        this.#deps.log.warn({ shard, error: messageOf(error) }, 'resuming a shard failed');
      });
    }
  }

  /**
   * After Redis was silent for longer than a lease all leases look free, and all members gone: for
   * a few beats nothing changes hands, so that everybody can renew what is still theirs.
   */
  #isPatient(): boolean {
    const now = performance.now();
    const { leaseMs, heartbeatMs } = this.#settings;
    if (this.#answeredAt !== 0 && now - this.#answeredAt > leaseMs) {
      this.#patientUntil = now + heartbeatMs * BEATS_AFTER_SILENCE;
    }
    this.#answeredAt = now;
    return now < this.#patientUntil;
  }

  /** Each by itself: where one node of a cluster is away, the leases that lie on others are kept. */
  #renewAll(): void {
    for (const [shard, runtime] of this.#held) {
      if (this.#renewing.has(runtime)) continue;
      this.#renewing.add(runtime);
      this.#renew(shard, runtime)
        .catch((error: unknown) => {
          this.#deps.log.warn({ shard, error: messageOf(error) }, 'renewing a lease failed');
        })
        .finally(() => this.#renewing.delete(runtime));
    }
  }

  async #renew(shard: number, runtime: ShardRuntime): Promise<void> {
    const renewed = await this.#deps.leases.renew(runtime.lease, this.#settings.leaseMs);
    if (!renewed) this.#lose(shard, runtime);
  }

  async #take(shard: number): Promise<void> {
    const { worker, leaseMs } = this.#settings;
    const lease = await this.#deps.leases.acquire(shard, worker, leaseMs);
    if (lease === undefined) return;
    // The stop may have passed over what was not held yet.
    if (this.#stopping()) return this.#deps.leases.release(lease);
    const runtime = this.#deps.createRuntime(lease);
    this.#held.set(shard, runtime);
    this.#deps.events.emit('lease:taken', { shard, epoch: lease.epoch });
    // Not awaited: a slow start must not hold up the renewal of the other leases.
    runtime.start().catch((error: unknown) => {
      this.#deps.log.warn({ shard, error: messageOf(error) }, 'starting a shard failed');
      // Unless it was lost meanwhile, and taken anew.
      if (this.#held.get(shard) === runtime) void this.#handOver(shard);
    });
  }

  /** A busy shard stays for a while; an idle one moves at no cost. */
  #mayLeave(shard: number): boolean {
    const runtime = this.#held.get(shard);
    if (runtime === undefined || this.#leaving.has(shard)) return false;
    return runtime.idle || performance.now() - runtime.lease.acquiredAt >= this.#settings.minHoldMs;
  }

  #handOver(shard: number): Promise<void> {
    const runtime = this.#held.get(shard);
    if (runtime === undefined) return Promise.resolve();
    const leaving =
      this.#leaving.get(shard) ??
      (async () => {
        try {
          await runtime.drain();
          // Before it is free: its next holder may be told so sooner than this one.
          runtime.lease.lose();
          await this.#deps.leases.release(runtime.lease);
          this.#deps.events.emit('lease:released', { shard });
        } catch (error) {
          // The lease runs out by itself; until then nobody else connects, and nor may this worker.
          this.#deps.log.warn({ shard, error: messageOf(error) }, 'handing a shard over failed');
          await runtime.abort().catch(() => undefined);
        } finally {
          runtime.lease.lose();
          this.#held.delete(shard);
          this.#leaving.delete(shard);
        }
      })();
    this.#leaving.set(shard, leaving);
    return leaving;
  }

  #lose(shard: number, runtime: ShardRuntime): void {
    if (this.#held.get(shard) !== runtime) return;
    this.#held.delete(shard);
    this.#deps.events.emit('lease:lost', { shard });
    runtime.abort().catch((error: unknown) => {
      this.#deps.log.warn({ shard, error: messageOf(error) }, 'letting go of a shard failed');
    });
  }

  /** Leases are renewed meanwhile, so that nobody connects before this worker has disconnected. */
  async #stop(deadline: AbortSignal): Promise<void> {
    this.#draining = true;
    await this.#beat();
    const left = Promise.all([...this.#held.keys()].map((shard) => this.#handOver(shard)));
    await Promise.race([left, aborted(deadline)]);
    clearInterval(this.#timer);
    // Together, as one that hangs is what the deadline is for.
    const abandoned = [...this.#held].map(([shard, runtime]) => {
      this.#deps.log.warn({ shard }, 'abandoned at the deadline; its lease will run out');
      return runtime.abort();
    });
    await Promise.all(abandoned);
    // A beat that is under way would bring this worker back.
    await this.#beating;
    await this.#deps.leases.leave(this.#settings.worker);
  }

  /** Asked again after every wait, since the stop may have come meanwhile. */
  #stopping(): boolean {
    return this.#draining;
  }

  #description(): WorkerDescription {
    return {
      host: hostname(),
      pid: process.pid,
      startedAt: this.#startedAt,
      metricsUrl: this.#settings.metricsUrl(),
      draining: this.#draining,
      ...this.#deps.tuning.describe(),
    };
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
