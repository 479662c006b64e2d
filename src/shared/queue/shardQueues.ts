import { setTimeout as delay } from 'node:timers/promises';
import { Job, type JobsOptions, Queue } from 'bullmq';
import type { ChainableCommander } from 'ioredis';
import type { RedisClient } from '../redis/client.ts';
import { DELIVER_QUEUE, type Keys } from '../redis/keys.ts';
import { isRedirection } from '../redis/redirection.ts';
import { isScriptMissing, reloadScripts } from '../redis/reloadScripts.ts';
import { bindScript, type Script, type ScriptArgument, scriptWords } from '../redis/script.ts';
import { leanTransactions } from './leanTransactions.ts';

/** Jobs without a priority run first; bulk ones stand behind them. */
export const BULK_PRIORITY = 10;

/** While its slot moves, a cluster takes no transaction; ioredis follows most of what it says then. */
const MAX_TRIES = 50;
const REDIRECTION_MS = 100;

const JOB_OPTIONS: JobsOptions = {
  // An attempt fails only on a fault of ours or of Redis; the promise to settle stays.
  attempts: 1_000_000,
  backoff: { type: 'fixed', delay: 2000, jitter: 0.5 },
  removeOnComplete: { age: 3600, count: 500 },
  removeOnFail: { age: 86_400, count: 500 },
};

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
  readonly #queues = new Map<number, Queue>();

  /** `redis` is shared by all queues and stays the caller's to close. */
  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  queue(shard: number): Queue {
    let queue = this.#queues.get(shard);
    if (queue === undefined) {
      queue = new Queue(DELIVER_QUEUE, {
        connection: this.#redis,
        prefix: this.#keys.shard(shard).tag,
        skipMetasUpdate: true,
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
    await this.queue(shard).add(job.name, job.data, jobOptions(job));
  }

  /**
   * Runs a script and adds a job in one MULTI, both in the shard's slot.
   * @returns the script's answer. A job whose id exists already is left as it is.
   */
  async runAndAdd(
    shard: number,
    script: Script,
    args: readonly ScriptArgument[],
    job: NewJob,
  ): Promise<unknown> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#runAndAddOnce(shard, script, args, job);
      } catch (error) {
        if (tries === MAX_TRIES) throw error;
        // In both cases the other half may have run. Running it again changes nothing: a record
        // or a job that exists is left as it is.
        if (isScriptMissing(error)) await reloadScripts(this.#redis);
        else if (isRedirection(error)) await delay(REDIRECTION_MS);
        else throw error;
      }
    }
  }

  async #runAndAddOnce(
    shard: number,
    script: Script,
    args: readonly ScriptArgument[],
    job: NewJob,
  ): Promise<unknown> {
    const queue = this.queue(shard);
    const command = bindScript(this.#redis, script);
    const client = await queue.getBackend().client;
    leanTransactions(this.#redis);
    const multi = client.multi();
    multi.runCommand(command, scriptWords(this.#redis, [this.#keys.shard(shard).lease], args));
    await new Job(queue, job.name, job.data, jobOptions(job), job.id).addJob(multi);
    const replies = (await (multi as unknown as ChainableCommander).exec()) ?? [];
    const failed = replies.find(([error]) => error !== null)?.[0];
    if (failed) throw failed;
    return replies[0]?.[1];
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
  return {
    ...JOB_OPTIONS,
    jobId: job.id,
    ...(job.priority === undefined ? {} : { priority: job.priority }),
    ...(job.delayMs === undefined ? {} : { delay: job.delayMs }),
    ...(job.urgent === true ? { lifo: true } : {}),
    ...(job.fleeting === true ? { removeOnComplete: true } : {}),
  };
}
