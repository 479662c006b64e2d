import { type IRedisTransaction, Job, type JobsOptions, Queue, type WorkerOptions } from 'bullmq';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { DELIVER_QUEUE } from '../redis/shardKeys.ts';
import { loadDefined } from '../redis/loadDefined.ts';
import { runScript, type Script, type ScriptArgument } from '../redis/script.ts';
import { type JobScript, scriptWithJob } from './scriptWithJob.ts';

/** Jobs without a priority run first; bulk ones stand behind them. */
export const BULK_PRIORITY = 10;

/**
 * Kept with every job, so only what BullMQ reads from there. An attempt fails only on a fault of
 * ours or of Redis; the promise to settle stays.
 */
const JOB_OPTIONS: JobsOptions = { attempts: 1_000_000, backoff: { type: 'custom' } };

/** What every worker on these queues must be told: what holds for all jobs, and no job says. */
export const JOB_KEEPING = {
  removeOnComplete: { age: 3600, count: 500 },
  removeOnFail: { age: 86_400, count: 500 },
  settings: { backoffStrategy: () => 1000 + Math.random() * 1000 },
} as const satisfies Partial<WorkerOptions>;

/** A command as ioredis keeps it. */
interface DefinedScript {
  readonly lua: string;
  readonly numberOfKeys?: number | null;
}

export interface NewJob {
  readonly name: string;
  readonly data: object;
  readonly id: string;
  readonly priority?: number;
  /** When it runs at the earliest, in milliseconds from now. */
  readonly delayMs?: number;
  /** It goes before all that waits. */
  readonly urgent?: boolean;
  /** Nothing of it is kept once it is done. */
  readonly fleeting?: boolean;
}

/** BullMQ's queues, one a shard, on one connection. */
export class ShardQueues {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #scripts: RedisClient;
  readonly #queues = new Map<number, Queue>();
  /** Whether the connection has BullMQ's scripts; it keeps them. */
  #isDefined = false;

  /**
   * `redis` is shared by all queues and stays the caller's to close; so does `scripts`, if another
   * one, which carries what adds a job with a script of ours.
   */
  constructor(redis: RedisClient, keys: Keys, scripts: RedisClient = redis) {
    this.#redis = redis;
    this.#scripts = scripts;
    this.#keys = keys;
  }

  queue(shard: number): Queue {
    let queue = this.#queues.get(shard);
    if (queue === undefined) {
      queue = new Queue(DELIVER_QUEUE, {
        connection: this.#redis,
        prefix: this.#keys.shard(shard).tag,
        skipWaitingForReady: true,
        streams: { events: { maxLen: 100 } },
      });
      // Without a listener an error event would end the process; the connection reports its own.
      queue.on('error', () => undefined);
      this.#queues.set(shard, queue);
    }
    return queue;
  }

  async add(shard: number, job: NewJob): Promise<void> {
    await this.queue(shard).add(job.name, job.data, { ...jobOptions(job), jobId: job.id });
  }

  /**
   * Runs a script and adds a job, both in the shard's slot, as one script.
   * @returns the script's answer. A job whose id exists already is left as it is.
   */
  async runAndAdd(
    shard: number,
    script: Script,
    args: readonly ScriptArgument[],
    job: NewJob,
  ): Promise<unknown> {
    const added = await this.#jobScript(shard, job);
    const own = added.words.slice(added.keys);
    return runScript(
      this.#scripts,
      scriptWithJob(script, added),
      [this.#keys.shard(shard).lease, ...added.words.slice(0, added.keys).map(String)],
      [own.length, ...own, ...args],
      // A node that lacks this one lacks BullMQ's as well.
      () => loadDefined(this.#redis),
    );
  }

  /** What BullMQ would send to add the job. */
  async #jobScript(shard: number, job: NewJob): Promise<JobScript> {
    const queue = this.queue(shard);
    if (!this.#isDefined) {
      // BullMQ defines its scripts on the connection before it hands that out.
      await queue.getBackend().client;
      this.#isDefined = true;
    }
    let command = '';
    let words: JobScript['words'] = [];
    const listening = {
      runCommand: (name: string, given: JobScript['words']) => {
        command = name;
        words = given;
        return Promise.resolve(job.id);
      },
    };
    const adding = new Job(queue, job.name, job.data, jobOptions(job), job.id);
    await adding.addJob(listening as unknown as IRedisTransaction);
    const defined = this.#redis.scriptsSet as Readonly<Record<string, DefinedScript | undefined>>;
    const script = defined[command];
    if (script?.numberOfKeys == null) throw new TypeError(`BullMQ has no script ${command}`);
    return { lua: script.lua, keys: script.numberOfKeys, words };
  }

  /** Makes a delayed job ready; a job that is not delayed, or gone, is left alone. */
  async promote(shard: number, jobId: string): Promise<boolean> {
    const queue = this.queue(shard);
    const job = await queue.getJob(jobId);
    if (job === undefined || !(await job.isDelayed())) return false;
    try {
      await job.promote();
      return true;
    } catch {
      // It became ready or ran in between, which is all that was wanted.
      return false;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    this.#queues.clear();
  }
}

function jobOptions(job: NewJob): JobsOptions {
  const options: JobsOptions = { ...JOB_OPTIONS };
  if (job.priority !== undefined) options.priority = job.priority;
  if (job.delayMs !== undefined) options.delay = job.delayMs;
  if (job.urgent === true) options.lifo = true;
  if (job.fleeting === true) options.removeOnComplete = true;
  return options;
}
