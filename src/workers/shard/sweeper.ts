import { ulid } from 'ulid';
import { DELIVER, type DeliverJob } from '../../shared/queue/deliverJob.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';
import { REASSIGN_JOB } from '../../shared/store/lua/sweepScripts.ts';
import type { EventBus } from '../events.ts';
import type { LaneStore, SweepFinding } from './laneStore.ts';

const LANES_A_SWEEP = 500;
/** Updates whose deadline has passed that one script ends. */
const DUE_A_SCRIPT = 200;
/** One that is being published when its deadline passes is looked at again after this long. */
const DUE_AGAIN_MS = 1000;
/** A delayed job may run this much later than its lane waits for before the sweep hurries it. */
const SLACK_MS = 2000;

/**
 * Sees to it that a lane that is not empty has a live job, whatever happened to the one it had:
 * a drained queue, a failed job, a crash between two writes.
 */
export class Sweeper {
  readonly #shard: number;
  readonly #lanes: LaneStore;
  readonly #queues: ShardQueues;
  readonly #events: EventBus;
  #rank = 0;
  #sawAll = false;

  constructor(shard: number, lanes: LaneStore, queues: ShardQueues, events: EventBus) {
    this.#shard = shard;
    this.#lanes = lanes;
    this.#queues = queues;
    this.#events = events;
  }

  /**
   * Looks at the next stretch of lanes, the oldest first; at all of them the first time, and on
   * as long as something is found, since what harmed one lane harmed others. @throws FencedError
   */
  async sweep(): Promise<void> {
    await this.#expire();
    let orphans = 0;
    let late = 0;
    let goOn = true;
    while (goOn) {
      const found = await this.#stretch();
      orphans += found.orphans;
      late += found.late;
      const atEnd = this.#rank === 0;
      goOn = !atEnd && (!this.#sawAll || found.orphans + found.late > 0);
      this.#sawAll ||= atEnd;
    }
    if (orphans + late > 0) this.#events.emit('sweep:found', { orphans, late });
  }

  /** What is not at the head of its lane, or is held, has nobody else who ends it in time. */
  async #expire(): Promise<void> {
    for (let more = true; more; ) {
      const { seen, ended, jobIds } = await this.#lanes.expireDue(DUE_A_SCRIPT, DUE_AGAIN_MS);
      for (const { state, code, confirm, createdAt } of ended) {
        const sinceSubmitMs = Date.now() - createdAt;
        const event = { state, code, confirm, sinceSubmitMs, answerMs: undefined };
        this.#events.emit('update:settled', event);
      }
      await Promise.all([...new Set(jobIds)].map((id) => this.#queues.promote(this.#shard, id)));
      more = seen === DUE_A_SCRIPT;
    }
  }

  async #stretch(): Promise<{ orphans: number; late: number }> {
    const { seen, findings } = await this.#lanes.sweep(this.#rank, LANES_A_SWEEP, SLACK_MS);
    this.#rank = seen < LANES_A_SWEEP ? 0 : this.#rank + LANES_A_SWEEP;
    const orphans = findings.filter((finding) => finding.action === 'orphan');
    const late = findings.filter((finding) => finding.action === 'late');
    await Promise.all(orphans.map((orphan) => this.#adopt(orphan)));
    const jobs = await Promise.all(late.map(({ laneId }) => this.#lanes.jobsOf(laneId)));
    const woken = new Set(jobs.flat());
    await Promise.all([...woken].map((jobId) => this.#queues.promote(this.#shard, jobId)));
    return { orphans: orphans.length, late: new Set(late.map(({ jobId }) => jobId)).size };
  }

  async #adopt({ laneId, jobId, updateIds }: SweepFinding): Promise<void> {
    const id = `s_${ulid()}`;
    const data: DeliverJob = { updates: updateIds.map((updateId) => [updateId, laneId]) };
    const args = [jobId, id, ...updateIds];
    await this.#queues.runAndAdd(this.#shard, REASSIGN_JOB, args, { name: DELIVER, data, id });
  }
}
