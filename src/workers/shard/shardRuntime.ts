import { DelayedError, type Job } from 'bullmq';
import type { ConnectionView } from '../../shared/domain/identity.ts';
import { shardOf } from '../../shared/domain/ids.ts';
import type { ConnectionState, WaitReason } from '../../shared/domain/sets.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import {
  BULK,
  CONNECTION,
  DELIVER,
  parseConnectionJob,
  parseScheduleJob,
  parseVerifyJob,
  READ_SHADOW,
  SCHEDULE,
  VERIFY,
} from '../../shared/queue/deliverJob.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import type { IndexBounds } from '../../shared/store/indexBounds.ts';
import type { Vault } from '../../shared/vault/vault.ts';
import type { AcrossShards } from '../bulk/acrossShards.ts';
import type { SharedConnectionDependencies } from '../connection/connectionDependencies.ts';
import { IdentityConnection } from '../connection/identityConnection.ts';
import { processDeliver } from '../delivery/deliverProcessor.ts';
import { LaneDrainer } from '../delivery/laneDrainer.ts';
import type { RetryPolicy } from '../delivery/retryPolicy.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';
import type { PauseWatch } from '../fleet/pauseWatch.ts';
import type { RedisClock } from '../fleet/redisClock.ts';
import { Consumer } from './consumer.ts';
import { IdentityMissingError, IdentityRecords } from './identityRecords.ts';
import { IndexTrimmer } from './indexTrimmer.ts';
import { Doubts } from './doubts.ts';
import { endWaits, INHERITED } from './endWaits.ts';
import { EventTail, type TailDependencies } from './eventTail.ts';
import { LaneStore } from './laneStore.ts';
import { Schedule } from './schedule.ts';
import { readShadow } from './shadowReader.ts';
import { StrayJobs } from './strayJobs.ts';
import { Sweeper } from './sweeper.ts';
import { WaitingRoom } from './waitingRoom.ts';

export interface ShardSettings {
  readonly workerName: string;
  readonly retentionMs: number;
  readonly sweepMs: number;
  readonly shardCount: number;
  /** Of this shard alone. */
  readonly index: IndexBounds;
  readonly consumerPatienceMs: number;
  readonly connectPatienceMs: number;
  readonly retry: RetryPolicy;
}

export interface ShardDependencies {
  /** For scripts. */
  readonly redis: RedisClient;
  /** For BullMQ, which duplicates it for blocking reads. */
  readonly queueRedis: RedisClient;
  readonly keys: Keys;
  readonly queues: ShardQueues;
  readonly clock: RedisClock;
  readonly pauses: PauseWatch;
  readonly acrossShards: AcrossShards;
  readonly vault: Vault;
  readonly connections: SharedConnectionDependencies;
  readonly tail: TailDependencies;
  readonly settings: ShardSettings;
  readonly log: Logger;
}

const PROBES_A_SWEEP = 20;
/** A verify job that cannot connect yet looks again after this long. */
const VERIFY_PATIENCE_MS = 10_000;

/** Why a verify job could not find out. */
const NOT_KNOWN_YET: ReadonlySet<WaitReason> = new Set([
  'CONNECTING',
  'CONNECTION_LIMIT',
  'NO_OWNER',
]);

/** All that a worker does for one shard while it holds the lease. */
export class ShardRuntime {
  readonly lease: Lease;
  readonly #deps: ShardDependencies;
  readonly #lanes: LaneStore;
  readonly #records: IdentityRecords;
  readonly #sweeper: Sweeper;
  readonly #index: IndexTrimmer;
  readonly #schedule: Schedule;
  readonly #strays: StrayJobs;
  readonly #tail: EventTail;
  readonly #connections = new Map<string, IdentityConnection>();
  readonly #drainers = new Map<string, LaneDrainer>();
  /** Jobs that were given back because an identity's connection was not there yet. */
  readonly #jobsOf = new Map<string, Set<string>>();
  readonly #consumer: Consumer;
  readonly #room = new WaitingRoom(() => this.#consumer.concurrency);
  readonly #doubts = new Doubts({
    isDetached: (identityId) => this.#isDetached(identityId),
    probe: (identityId) => this.#probe(identityId),
    onError: (identityId, error) => {
      this.#deps.log.debug({ identityId, error: messageOf(error) }, 'policy not looked up');
    },
  });
  #timer: NodeJS.Timeout | undefined;
  #tending: Promise<void> | undefined;
  #quiet = false;
  /** Whether what waited for the last owner's connections was made ready. */
  #waitsEnded = false;

  constructor(lease: Lease, deps: ShardDependencies, jobConcurrency: number) {
    const { redis, keys, queues, vault, settings, connections, clock } = deps;
    this.lease = lease;
    this.#deps = deps;
    const shardKeys = keys.shard(lease.shard);
    this.#lanes = new LaneStore(redis, shardKeys, lease, settings.retentionMs, clock);
    this.#records = new IdentityRecords(redis, keys, lease, vault, clock);
    this.#strays = new StrayJobs(lease.shard, queues);
    this.#tail = new EventTail(shardKeys, lease, deps.tail);
    this.#schedule = new Schedule(lease, this.#lanes, queues);
    this.#index = new IndexTrimmer(redis, shardKeys, lease, settings.index);
    this.#consumer = new Consumer(
      shardKeys,
      { ...deps, events: connections.events, patienceMs: settings.consumerPatienceMs },
      jobConcurrency,
      (job, token) => this.#strays.run(job, () => this.#process(job, token)),
    );
    this.#sweeper = new Sweeper(lease.shard, this.#lanes, queues, connections.events);
  }

  /** Nothing is connected and nothing runs: such a shard moves to another owner at no cost. */
  get idle(): boolean {
    const busy = [...this.#connections.values()].some(({ state }) => state !== 'idle');
    return !busy && this.#drainers.size === 0;
  }

  /** For how long jobs have waited that should have been taken, in milliseconds. */
  get stuckForMs(): number {
    return this.#consumer.stuckForMs;
  }

  *connectionStates(): Iterable<ConnectionState> {
    for (const { state } of this.#connections.values()) yield state;
  }

  /** Of the connections that are up: those of the others are renewed when they are needed. */
  *credentialExpiries(): Iterable<number> {
    for (const { state, credentialsExpireAt } of this.#connections.values()) {
      if (state === 'connected' && credentialsExpireAt !== undefined) yield credentialsExpireAt;
    }
  }

  /** Has what waits for a pause looked at again, since one has ended. */
  async resume(): Promise<void> {
    const { redis, keys, queues } = this.#deps;
    await endWaits(['PAUSED'], redis, keys.shard(this.lease.shard), queues, this.lease.lost);
  }

  /** Has as many jobs run at once from the next one on. */
  tune(jobConcurrency: number): void {
    this.#consumer.tune(jobConcurrency);
  }

  async start(): Promise<void> {
    await this.#strays.adoptAll();
    if (this.#quiet) return;
    this.#consumer.start();
    this.#tend();
    this.#timer = setInterval(() => this.#tend(), this.#deps.settings.sweepMs);
  }

  /** Planned end: takes no new job, finishes what is in flight, lets go of the connections. */
  async drain(): Promise<void> {
    this.#quiet = true;
    clearInterval(this.#timer);
    for (const connection of this.#connections.values()) connection.quiet();
    await this.#consumer.drain();
    await this.#end((connection) => connection.close());
  }

  /** Unplanned end: the lease is somebody else's. Nothing more is published. */
  async abort(): Promise<void> {
    this.#quiet = true;
    this.lease.lose();
    clearInterval(this.#timer);
    const ended = this.#end((connection) => connection.abandon());
    await Promise.all([this.#consumer.abort(), ended]);
  }

  async #end(letGo: (connection: IdentityConnection) => Promise<void>): Promise<void> {
    await Promise.all([...this.#connections.values()].map(letGo));
    await this.#tending;
    this.#connections.clear();
  }

  async #process(job: Job, token: string | undefined): Promise<unknown> {
    const { redis, keys, acrossShards } = this.#deps;
    if (job.name === VERIFY) return this.#verify(job, token);
    if (job.name === SCHEDULE) return this.#release(job, token);
    if (job.name === READ_SHADOW) {
      return readShadow(job, token, {
        redis,
        keys: keys.shard(this.lease.shard),
        records: this.#records,
        connection: (identityId) => this.#connection(identityId),
      });
    }
    if (job.name === CONNECTION) return this.#act(job, token);
    if (job.name === BULK) return acrossShards.run(job, token, this.lease.shard, () => this.#quiet);
    if (job.name !== DELIVER) throw new Error(`unknown job name ${job.name}`);
    return processDeliver(job, token, {
      lanes: this.#lanes,
      drainer: (laneId) => this.#drainer(laneId, job.id),
    });
  }

  async #release(job: Job, token: string | undefined): Promise<string> {
    const { dueAt } = parseScheduleJob(job.data);
    const now = await this.#schedule.release();
    if (now >= dueAt) return 'released';
    // The clock that counts is Redis's, and it is behind the one that set this job's delay.
    await job.moveToDelayed(Date.now() + dueAt - now, token);
    throw new DelayedError();
  }

  async #verify(job: Job, token: string | undefined): Promise<string> {
    const { identityId } = parseVerifyJob(job.data);
    const connection = this.#connection(identityId);
    const readiness = await this.#room.wait(VERIFY_PATIENCE_MS, (ms) => connection.verify(ms));
    if (readiness.kind === 'ready') return 'connected';
    const { reason, until = Date.now() + VERIFY_PATIENCE_MS } = readiness.wait;
    if (!NOT_KNOWN_YET.has(reason)) return reason;
    // Nothing is known yet, and where the shard is being handed over the next owner must find out.
    await job.moveToDelayed(this.#quiet ? Date.now() : until, token);
    throw new DelayedError();
  }

  /** Begins what an operator asked for; how it ends shows in the view of each connection. */
  async #act(job: Job, token: string | undefined): Promise<string> {
    const { action, identityIds } = parseConnectionJob(job.data);
    if (this.#quiet) {
      // The next owner's to do.
      await job.moveToDelayed(Date.now(), token);
      throw new DelayedError();
    }
    for (const identityId of identityIds) {
      const connection = this.#connection(identityId);
      const begun = {
        reconnect: () => connection.reconnect(),
        close: () => connection.disconnect(),
        warm: () => connection.ready(0),
      }[action]();
      begun.catch((error: unknown) => {
        this.#deps.log.warn({ identityId, action, error: messageOf(error) }, 'an action failed');
      });
    }
    return `${action} begun`;
  }

  #drainer(laneId: string, jobId: string | undefined): LaneDrainer {
    const { settings, connections } = this.#deps;
    const drainer =
      this.#drainers.get(laneId) ??
      new LaneDrainer(
        laneId,
        {
          lanes: this.#lanes,
          events: connections.events,
          retry: settings.retry,
          ready: (connection) =>
            this.#room.wait(settings.connectPatienceMs, (ms) => connection.ready(ms)),
          connection: (identityId) => this.#connection(identityId),
          denied: (identityId, verdict) => this.#doubts.denied(identityId, verdict),
          quiet: () => this.#quiet,
          paused: (identityId) => this.#deps.pauses.detail(identityId),
        },
        () => this.#drainers.delete(laneId),
      );
    this.#drainers.set(laneId, drainer);
    const identityId = laneId.slice(0, laneId.indexOf('/'));
    if (jobId !== undefined && this.#connection(identityId).state !== 'connected') {
      const jobs = this.#jobsOf.get(identityId) ?? new Set();
      this.#jobsOf.set(identityId, jobs.add(jobId));
    }
    return drainer;
  }

  #connection(identityId: string): IdentityConnection {
    let connection = this.#connections.get(identityId);
    if (connection === undefined) {
      connection = new IdentityConnection(identityId, {
        ...this.#deps.connections,
        lease: this.lease,
        records: this.#records,
        onConnected: (id) => this.#promote(id, [...(this.#jobsOf.get(id) ?? [])]),
        onActive: (id, wasParked) => this.#activate(id, wasParked),
        report: (id, view) => this.#report(id, view),
      });
      this.#connections.set(identityId, connection);
    }
    return connection;
  }

  async #activate(identityId: string, wasParked: boolean): Promise<void> {
    const jobIds = await this.#records.release(identityId);
    if (wasParked) this.#deps.connections.events.emit('identity:released', { identityId });
    this.#promote(identityId, jobIds);
  }

  #promote(identityId: string, jobIds: readonly string[]): void {
    this.#jobsOf.delete(identityId);
    for (const jobId of new Set(jobIds)) {
      // What fails here is found by the sweep.
      this.#deps.queues.promote(this.lease.shard, jobId).catch(() => undefined);
    }
  }

  async #isDetached(identityId: string): Promise<boolean> {
    const { identity } = await this.#records.read(identityId);
    if (identity.cognitoId === undefined) return false;
    const { attacher } = this.#deps.connections;
    const attached = await attacher.isAttached(identity.cognitoId, this.lease.lost);
    return attached === false && this.#connections.get(identityId)?.state === 'connected';
  }

  #probe(identityId: string): void {
    this.#connection(identityId)
      .probe()
      .catch((error: unknown) => {
        this.#deps.log.warn({ identityId, error: messageOf(error) }, 'a probe failed');
      });
  }

  #report(identityId: string, view: Omit<ConnectionView, 'worker' | 'epoch'>): void {
    const worker = this.#deps.settings.workerName;
    this.#records
      .writeConnection(identityId, { ...view, worker, epoch: Number(this.lease.epoch) })
      .catch((error: unknown) => {
        this.#deps.log.debug({ identityId, error: messageOf(error) }, 'view not written');
      });
  }

  /** One round at a time: sweep, probe what is due, look after the connections. */
  #tend(): void {
    if (this.#tending !== undefined || this.#quiet || !this.lease.valid) return;
    this.#tending = this.#tendOnce()
      .catch((error: unknown) => {
        if (error instanceof FencedError || error instanceof IdentityMissingError) return;
        const { shard } = this.lease;
        this.#deps.log.warn({ shard, error: messageOf(error) }, 'looking after the shard failed');
      })
      .finally(() => {
        this.#tending = undefined;
      });
  }

  /** The observer's connection is kept up, and not closed for being idle. */
  async #observePresence(): Promise<void> {
    const { presence } = this.#deps.connections;
    const observer = await presence?.identity();
    if (presence === undefined || observer === undefined) return;
    if (shardOf(observer, this.#deps.settings.shardCount) !== this.lease.shard) return;
    await this.#connection(observer).ready(0);
    await presence.renew();
  }

  async #tendOnce(): Promise<void> {
    if (!this.#waitsEnded) {
      const { redis, keys, queues } = this.#deps;
      await endWaits(INHERITED, redis, keys.shard(this.lease.shard), queues, this.lease.lost);
      this.#waitsEnded = true;
    }
    // What its job did not release: one that was lost, or that ran a moment too early.
    await this.#schedule.release();
    await this.#sweeper.sweep();
    await this.#observePresence();
    await this.#index.trim();
    await this.#deps.acrossShards.tend(this.lease.shard);
    await this.#strays.adopt();
    for (const identityId of await this.#records.dueProbes(Date.now(), PROBES_A_SWEEP)) {
      this.#probe(identityId);
    }
    for (const [identityId, connection] of this.#connections) {
      if (connection.forgettable) {
        this.#connections.delete(identityId);
        this.#jobsOf.delete(identityId);
        continue;
      }
      // Not awaited: a renewal may take as long as the spacing of CONNECTs.
      connection.maintain().catch((error: unknown) => {
        this.#deps.log.warn({ error: messageOf(error) }, 'looking after a connection failed');
      });
    }
    await this.#tail.round();
  }
}
