import type { ConnectionState } from '../../shared/domain/sets.ts';
import type { Lease } from '../fleet/lease.ts';
import { Consumer } from './consumer.ts';
import { endWaits } from './endWaits.ts';
import { EventTail } from './eventTail.ts';
import { IdentityRecords } from './identityRecords.ts';
import { IndexTrimmer } from './indexTrimmer.ts';
import { LaneDrainers } from './laneDrainers.ts';
import { LaneStore } from './laneStore.ts';
import { Schedule } from './schedule.ts';
import { ShardConnections } from './shardConnections.ts';
import type { ShardDependencies } from './shardDependencies.ts';
import { ShardJobs } from './shardJobs.ts';
import { StrayJobs } from './strayJobs.ts';
import { Sweeper } from './sweeper.ts';
import { Tending } from './tending.ts';
import { WaitingRoom } from './waitingRoom.ts';

/** All that a worker does for one shard while it holds the lease. */
export class ShardRuntime {
  readonly lease: Lease;
  readonly #deps: ShardDependencies;
  readonly #strays: StrayJobs;
  readonly #connections: ShardConnections;
  readonly #drainers: LaneDrainers;
  readonly #consumer: Consumer;
  readonly #tending: Tending;
  #quiet = false;

  constructor(lease: Lease, deps: ShardDependencies, jobConcurrency: number) {
    const { redis, keys, queues, vault, settings, clock, pauses, acrossShards, log } = deps;
    const { events } = deps.connections;
    const shardKeys = keys.shard(lease.shard);
    this.lease = lease;
    this.#deps = deps;
    const lanes = new LaneStore(redis, shardKeys, lease, settings.retentionMs, clock);
    const records = new IdentityRecords(redis, keys, lease, vault, clock);
    const schedule = new Schedule(lease, lanes, queues);
    const room = new WaitingRoom(() => this.#consumer.concurrency);
    const quiet = () => this.#quiet;
    this.#strays = new StrayJobs(lease.shard, queues);
    this.#connections = new ShardConnections(lease, records, deps);
    this.#drainers = new LaneDrainers(this.#connections, {
      lanes,
      events,
      retry: settings.retry,
      ready: (connection) => room.wait(settings.connectPatienceMs, (ms) => connection.ready(ms)),
      quiet,
      paused: (identityId) => pauses.detail(identityId),
    });
    const jobs = new ShardJobs({
      redis,
      keys: shardKeys,
      lanes,
      drainers: this.#drainers,
      schedule,
      records,
      connections: this.#connections,
      room,
      acrossShards,
      quiet,
      log,
    });
    this.#consumer = new Consumer(
      shardKeys,
      { ...deps, events, patienceMs: settings.consumerPatienceMs },
      jobConcurrency,
      (job, token) => this.#strays.run(job, () => jobs.run(job, token)),
    );
    const tended = {
      schedule,
      sweeper: new Sweeper(lease.shard, lanes, queues, events),
      index: new IndexTrimmer(redis, shardKeys, lease, settings.index),
      strays: this.#strays,
      connections: this.#connections,
      tail: new EventTail(shardKeys, lease, deps.tail),
    };
    this.#tending = new Tending(lease, tended, deps);
  }

  /** Nothing is connected and nothing runs: such a shard moves to another owner at no cost. */
  get idle(): boolean {
    return this.#connections.allIdle && this.#drainers.none;
  }

  /** For how long jobs have waited that should have been taken, in milliseconds. */
  get stuckForMs(): number {
    return this.#consumer.stuckForMs;
  }

  connectionStates(): Iterable<ConnectionState> {
    return this.#connections.states();
  }

  /** Epoch milliseconds, of the connections that are up. */
  credentialExpiries(): Iterable<number> {
    return this.#connections.credentialExpiries();
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
    this.#tending.start();
  }

  /** Planned end: takes no new job, finishes what is in flight, lets go of the connections. */
  async drain(): Promise<void> {
    this.#quiet = true;
    this.#tending.stop();
    this.#connections.quiet();
    await this.#consumer.drain();
    await this.#end(this.#connections.close());
  }

  /** Unplanned end: the lease is somebody else's. Nothing more is published. */
  async abort(): Promise<void> {
    this.#quiet = true;
    this.lease.lose();
    this.#tending.stop();
    const ended = this.#end(this.#connections.abandon());
    await Promise.all([this.#consumer.abort(), ended]);
  }

  async #end(letGo: Promise<void>): Promise<void> {
    await letGo;
    await this.#tending.ended();
    this.#connections.forgetAll();
  }
}
