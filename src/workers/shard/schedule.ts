import { ulid } from 'ulid';
import { DELIVER, type DeliverJob, MAX_UPDATES_PER_JOB } from '../../shared/queue/deliverJob.ts';
import { BULK_PRIORITY, type ShardQueues } from '../../shared/queue/shardQueues.ts';
import { ENTER_LANES } from '../../shared/store/lua/scheduleScripts.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';
import type { LaneStore } from './laneStore.ts';

/** Gives the scheduled updates of one shard their places in their lanes when their time has come. */
export class Schedule {
  readonly #lease: Lease;
  readonly #lanes: LaneStore;
  readonly #queues: ShardQueues;

  constructor(lease: Lease, lanes: LaneStore, queues: ShardQueues) {
    this.#lease = lease;
    this.#lanes = lanes;
    this.#queues = queues;
  }

  /**
   * Moves everything that is due, each update with the job that delivers it.
   * @returns Redis's clock, epoch milliseconds. @throws FencedError
   */
  async release(): Promise<number> {
    for (;;) {
      const { now, updates } = await this.#lanes.due(MAX_UPDATES_PER_JOB);
      if (updates.length === 0) return now;
      await this.#enter(updates);
    }
  }

  async #enter(updates: DeliverJob['updates']): Promise<void> {
    const { epoch, token, shard } = this.#lease;
    const id = `r_${ulid()}`;
    const data: DeliverJob = { updates };
    const answer = await this.#queues.runAndAdd(
      shard,
      ENTER_LANES,
      [epoch, token, id, ...updates.flat()],
      { name: DELIVER, data, id, ...(updates.length > 1 ? { priority: BULK_PRIORITY } : {}) },
    );
    if (answer === 'fenced') throw new FencedError(shard);
  }
}
