import type {
  ConfirmLevel,
  FailureCode,
  FinalState,
  WaitReason,
} from '../../shared/domain/sets.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';
import { runScript } from '../../shared/redis/script.ts';
import { LANE_CALLS } from '../../shared/store/lua/laneCalls.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';

/** Id, state, code, confirm and createdAt of an update that ended on the way. */
export type EndedWords = readonly [string, FinalState, FailureCode, ConfirmLevel, string];
type Report = readonly EndedWords[] | '';

/** What LANE_CALLS answers to `claim` and `settle`; times are Redis's, and '' stands for none. */
export type StepAnswer =
  | readonly ['stale']
  | readonly ['empty' | 'settled', Report]
  | readonly ['wait', Report, reason: WaitReason, until: string, detail: string, expiresAt: string]
  | readonly [
      'claimed',
      Report,
      updateId: string,
      tries: number,
      desired: string,
      confirm: ConfirmLevel,
      expectedVersion: string,
      expiresAt: string,
      createdAt: string,
      unknownTries: string,
      members: readonly (readonly [updateId: string, desired: string])[] | '',
    ];

/** The name of a call and its words, as LANE_CALLS has them. */
type Call = readonly unknown[];

interface Waiting {
  readonly call: Call;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A script holds Redis up for as long as it runs: this many calls are about a millisecond. */
const CALLS_A_SCRIPT = 100;

/**
 * Calls on the lanes of one shard. What is asked within one turn of the event loop travels as one
 * script, which costs Redis and this process a fraction of as many scripts; nothing waits longer
 * for it than until the turn's end.
 */
export class LaneCalls {
  readonly #redis: RedisClient;
  readonly #keys: ShardKeys;
  readonly #lease: Lease;
  readonly #retentionMs: number;
  #waiting: Waiting[] = [];

  constructor(redis: RedisClient, keys: ShardKeys, lease: Lease, retentionMs: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#lease = lease;
    this.#retentionMs = retentionMs;
  }

  /** @throws FencedError where the lease is not the owner's any more; nothing was written then. */
  run<Answer>(call: Call): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ call, resolve: resolve as Waiting['resolve'], reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#sendAll());
    });
  }

  #sendAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < waiting.length; at += CALLS_A_SCRIPT) {
      void this.#send(waiting.slice(at, at + CALLS_A_SCRIPT));
    }
  }

  async #send(portion: readonly Waiting[]): Promise<void> {
    const { epoch, token, shard } = this.#lease;
    const calls = JSON.stringify(portion.map(({ call }) => call));
    try {
      const args = [epoch, token, this.#retentionMs, calls];
      const answer = (await runScript(this.#redis, LANE_CALLS, [this.#keys.lease], args)) as string;
      if (answer === 'fenced') throw new FencedError(shard);
      const answers = JSON.parse(answer) as unknown[];
      for (const [at, { resolve }] of portion.entries()) resolve(answers[at]);
    } catch (error) {
      for (const { reject } of portion) reject(error);
    }
  }
}
