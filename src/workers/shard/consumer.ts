import type { Job, Worker } from 'bullmq';
import type { Logger } from '../../shared/observability/logger.ts';
import { PatientWorker } from '../../shared/queue/patientWorker.ts';
import { JOB_KEEPING } from '../../shared/queue/shardQueues.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import { DELIVER_QUEUE, type ShardKeys } from '../../shared/redis/shardKeys.ts';
import type { EventBus } from '../events.ts';
import { FencedError } from '../fleet/lease.ts';

export interface ConsumerDependencies {
  /** Not BullMQ's: what waits must be seen also where that connection is what hangs. */
  readonly redis: RedisClient;
  readonly queueRedis: RedisClient;
  readonly events: EventBus;
  readonly log: Logger;
  /** For how long jobs may wait, with none beginning or ending here, before it is made anew. */
  readonly patienceMs: number;
}

type Processor = (job: Job, token: string | undefined) => Promise<unknown>;

/** BullMQ's stall recovery is only the backstop: the owner's sweep is there first. */
const LOCK_MS = 30_000;
const STALLED_INTERVAL_MS = 15_000;
const LOOKS_IN_PATIENCE = 5;
/** BullMQ scores a delayed job with its time in ms times this. */
const DELAY_SCALE = 4096;

/**
 * Takes a shard's jobs from its queue. A BullMQ worker may be connected and take nothing for good
 * (its blocking read never answered, its loop lost: bullmq #3185), which it cannot notice itself.
 * So it is looked at from outside: jobs are ready, places are free, and none begins.
 */
export class Consumer {
  readonly #keys: ShardKeys;
  readonly #deps: ConsumerDependencies;
  readonly #run: Processor;
  #concurrency: number;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #ended = false;
  #running = 0;
  /** Since when jobs have been seen waiting, with none that began or ended; undefined for not. */
  #waitingSince: number | undefined;
  #restartAt = 0;

  constructor(keys: ShardKeys, deps: ConsumerDependencies, concurrency: number, run: Processor) {
    this.#keys = keys;
    this.#deps = deps;
    this.#concurrency = concurrency;
    this.#run = run;
  }

  /** For how long jobs have waited that it should have taken, in milliseconds. */
  get stuckForMs(): number {
    return this.#waitingSince === undefined ? 0 : performance.now() - this.#waitingSince;
  }

  /** Jobs that run at once. */
  get concurrency(): number {
    return this.#concurrency;
  }

  start(): void {
    this.#worker = this.#open();
    this.#timer = setInterval(() => void this.#look(), this.#deps.patienceMs / LOOKS_IN_PATIENCE);
  }

  /** Has as many jobs run at once from the next one on. */
  tune(concurrency: number): void {
    if (concurrency === this.#concurrency) return;
    this.#concurrency = concurrency;
    if (this.#worker !== undefined) this.#worker.concurrency = concurrency;
  }

  /** Takes no more; waits for what runs. */
  async drain(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    await this.#worker?.close();
  }

  /** Takes no more, and waits for nothing. */
  async abort(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    await this.#worker?.close(true);
  }

  #open(): Worker {
    const { queueRedis, log } = this.#deps;
    const { shard, tag } = this.#keys;
    const worker = new PatientWorker(DELIVER_QUEUE, (job, token) => this.#process(job, token), {
      connection: queueRedis,
      prefix: tag,
      ...JOB_KEEPING,
      concurrency: this.#concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_INTERVAL_MS,
      // A crash, however often, makes no failed job of a promise to deliver.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      // Not `skipVersionCheck`: without the version BullMQ waits for delayed jobs in whole seconds.
    });
    worker.on('error', (error) => log.warn({ shard, error: error.message }, 'queue error'));
    worker.on('failed', (job, error) => {
      if (error instanceof FencedError) return;
      log.error({ shard, job: job?.id, error: error.message }, 'a job failed and will run again');
    });
    return worker;
  }

  async #process(job: Job, token: string | undefined): Promise<unknown> {
    this.#running += 1;
    this.#waitingSince = undefined;
    try {
      return await this.#run(job, token);
    } finally {
      this.#running -= 1;
      this.#waitingSince = undefined;
    }
  }

  /** One look at a time; what fails is looked at again. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const ready = this.#running >= this.#concurrency ? 0 : await this.#readyJobs();
      if (ready === 0) this.#waitingSince = undefined;
      else this.#noteWaiting(ready);
    } catch {
      // Redis is away, and nothing can be taken.
      this.#waitingSince = undefined;
    } finally {
      this.#looking = false;
    }
  }

  #noteWaiting(ready: number): void {
    // Made anew now, it would take the jobs of a shard that is somebody else's, for good.
    if (this.#ended) return;
    const now = performance.now();
    if (this.#waitingSince === undefined) {
      this.#waitingSince = now;
      this.#restartAt = now + this.#deps.patienceMs;
    }
    if (now < this.#restartAt) return;
    this.#restartAt = now + this.#deps.patienceMs;
    this.#restart(ready);
  }

  async #readyJobs(): Promise<number> {
    const { redis } = this.#deps;
    const { queue } = this.#keys;
    const [waiting, prioritized, due] = await Promise.all([
      redis.llen(`${queue}:wait`),
      redis.zcard(`${queue}:prioritized`),
      // By this process's clock, which BullMQ's delays follow.
      redis.zcount(`${queue}:delayed`, '-inf', Date.now() * DELAY_SCALE),
    ]);
    return waiting + prioritized + due;
  }

  #restart(ready: number): void {
    const stuck = this.#worker;
    const { shard } = this.#keys;
    this.#deps.events.emit('consumer:restarted', { shard, ready, stuckForMs: this.stuckForMs });
    this.#worker = this.#open();
    // Not awaited: what hangs may not even close. Where it comes back, it runs what it took.
    stuck?.close(true).catch(() => undefined);
  }
}
