import { shardOf } from '../../shared/domain/ids.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';
import { endWaits, INHERITED } from './endWaits.ts';
import type { EventTail } from './eventTail.ts';
import { IdentityMissingError } from './identityRecords.ts';
import type { IndexTrimmer } from './indexTrimmer.ts';
import type { Schedule } from './schedule.ts';
import type { ShardConnections } from './shardConnections.ts';
import type { ShardDependencies } from './shardDependencies.ts';
import type { StrayJobs } from './strayJobs.ts';
import type { Sweeper } from './sweeper.ts';

/** What the owner of a shard looks after. */
export interface Tended {
  readonly schedule: Schedule;
  readonly sweeper: Sweeper;
  readonly index: IndexTrimmer;
  readonly strays: StrayJobs;
  readonly connections: ShardConnections;
  readonly tail: EventTail;
}

/** Looks after a shard in rounds, one at a time: whatever an event should have done, and did not. */
export class Tending {
  readonly #lease: Lease;
  readonly #tended: Tended;
  readonly #deps: ShardDependencies;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #stopped = false;
  /** Whether what waited for the last owner's connections was made ready. */
  #waitsEnded = false;

  constructor(lease: Lease, tended: Tended, deps: ShardDependencies) {
    this.#lease = lease;
    this.#tended = tended;
    this.#deps = deps;
  }

  start(): void {
    this.#begin();
    this.#timer = setInterval(() => this.#begin(), this.#deps.settings.sweepMs);
  }

  /** Begins no further round. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** Resolves when no round runs. */
  async ended(): Promise<void> {
    await this.#round;
  }

  #begin(): void {
    if (this.#round !== undefined || this.#stopped || !this.#lease.valid) return;
    this.#round = this.#runAll().finally(() => {
      this.#round = undefined;
    });
  }

  /** What fails keeps nothing else from its turn: a full Redis may take no job, and end updates. */
  async #runAll(): Promise<void> {
    for (const [step, run] of Object.entries(this.#steps())) {
      if (this.#stopped) return;
      try {
        await run();
      } catch (error) {
        if (error instanceof FencedError) return;
        if (error instanceof IdentityMissingError) continue;
        const { shard } = this.#lease;
        const problem = { shard, step, error: messageOf(error) };
        this.#deps.log.warn(problem, 'looking after the shard failed');
      }
    }
  }

  #steps(): Readonly<Record<string, () => Promise<unknown> | void>> {
    const { schedule, sweeper, index, strays, connections, tail } = this.#tended;
    return {
      'end inherited waits': () => this.#endInheritedWaits(),
      // What its job did not release: one that was lost, or that ran a moment too early.
      'release what is due': () => schedule.release(),
      sweep: () => sweeper.sweep(),
      'observe presence': () => this.#observePresence(),
      'trim the index': () => index.trim(),
      'look across shards': () => this.#deps.acrossShards.tend(this.#lease.shard),
      'adopt stray jobs': () => strays.adopt(),
      'probe what is due': () => connections.probeDue(),
      'maintain connections': () => connections.maintain(),
      'hand events on': () => tail.round(),
    };
  }

  /** Once: what begins to wait from now on waits for this owner. */
  async #endInheritedWaits(): Promise<void> {
    if (this.#waitsEnded) return;
    const { redis, keys, queues } = this.#deps;
    const { shard, lost } = this.#lease;
    await endWaits(INHERITED, redis, keys.shard(shard), queues, lost);
    this.#waitsEnded = true;
  }

  /** The observer's connection is kept up, and not closed for being idle. */
  async #observePresence(): Promise<void> {
    const { presence } = this.#deps.connections;
    const observer = await presence?.identity();
    if (presence === undefined || observer === undefined) return;
    if (shardOf(observer, this.#deps.settings.shardCount) !== this.#lease.shard) return;
    await this.#tended.connections.of(observer).ready(0);
    await presence.renew();
  }
}
