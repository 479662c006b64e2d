import type { Job } from 'bullmq';
import { ulid } from 'ulid';
import { DELIVER, parseDeliverJob } from '../../shared/queue/deliverJob.ts';
import type { ShardQueues } from '../../shared/queue/shardQueues.ts';

/**
 * Jobs that Redis takes for running and that nobody runs: their owner crashed, or Redis went back
 * to an earlier state (a failover to a replica). BullMQ would find out when their locks run out. A
 * copy of each runs at once; the original then finds its updates settled.
 */
export class StrayJobs {
  readonly #shard: number;
  readonly #queues: ShardQueues;
  readonly #running = new Set<string>();
  readonly #copied = new Set<string>();
  #suspects: ReadonlySet<string> = new Set();

  constructor(shard: number, queues: ShardQueues) {
    this.#shard = shard;
    this.#queues = queues;
  }

  /** What is run here is no stray. */
  async run<T>(job: Job, work: () => Promise<T>): Promise<T> {
    const id = job.id ?? '';
    this.#running.add(id);
    try {
      return await work();
    } finally {
      this.#running.delete(id);
    }
  }

  /** At the start, before anything runs here: every active job is a stray. */
  async adoptAll(): Promise<void> {
    const active = await this.#queues.queue(this.#shard).getJobs(['active']);
    await Promise.all(active.map((job) => this.#copy(job)));
  }

  /** One that was fetched a moment ago is not running yet: a stray is seen twice in a row. */
  async adopt(): Promise<void> {
    const queue = this.#queues.queue(this.#shard);
    const active = new Set(await queue.getRanges(['active']));
    for (const id of this.#copied) if (!active.has(id)) this.#copied.delete(id);
    const strays = [...active].filter((id) => !this.#running.has(id) && !this.#copied.has(id));
    const twice = strays.filter((id) => this.#suspects.has(id));
    this.#suspects = new Set(strays);
    await Promise.all(
      twice.map(async (id) => {
        const job = await queue.getJob(id);
        if (job !== undefined) await this.#copy(job);
      }),
    );
  }

  async #copy(job: Job): Promise<void> {
    const { priority } = job.opts;
    await this.#queues.add(this.#shard, {
      name: job.name,
      // A copy has an id of its own, which names no update.
      data: job.name === DELIVER ? parseDeliverJob(job) : (job.data as object),
      id: `c_${ulid()}`,
      ...(priority === undefined ? {} : { priority }),
    });
    this.#copied.add(job.id ?? '');
  }
}
