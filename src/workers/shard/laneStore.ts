import type { Redis } from 'ioredis';
import type { ConfirmLevel, FinalState, WaitReason } from '../../shared/domain/sets.ts';
import type { ShardKeys } from '../../shared/redis/keys.ts';
import { runScript, type Script, type ScriptArgument } from '../../shared/redis/script.ts';
import { CLAIM, GIVE_BACK, HOLD, SETTLE } from '../../shared/store/lua/scripts.ts';
import { SWEEP } from '../../shared/store/lua/sweepScripts.ts';
import { optionalNumber } from '../../shared/store/updateRecord.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';

/** The head of a lane, frozen: what is published now. */
export interface Claim {
  readonly updateId: string;
  /** The count of this try, from 1. */
  readonly tries: number;
  /** The desired document as JSON. */
  readonly desired: string;
  readonly confirm: ConfirmLevel;
  readonly expectedVersion: number | undefined;
  readonly expiresAt: number | undefined;
  /** Epoch milliseconds of Redis's clock. */
  readonly createdAt: number;
  /** Earlier publishes whose answer never came. */
  readonly unknownTries: number;
}

export interface LaneWait {
  readonly reason: WaitReason;
  readonly detail?: string | undefined;
  /** Epoch milliseconds; absent where only an event ends the wait. */
  readonly until?: number | undefined;
  /** When the head expires, which ends the wait too. */
  readonly expiresAt?: number | undefined;
}

export type LaneStep =
  | { readonly kind: 'empty' }
  | { readonly kind: 'waits'; readonly wait: LaneWait }
  | { readonly kind: 'claimed'; readonly claim: Claim };

/** How far a publish that is given back had come. */
export type PublishProgress = 'unsent' | 'sent' | 'answered';

/** What the sweep found: a head without a live job, or with one that runs too late. */
export interface SweepFinding {
  readonly action: 'orphan' | 'late';
  readonly laneId: string;
  readonly updateId: string;
  readonly jobId: string;
}

/**
 * The lanes of one shard, for its owner. Every call is one script in the shard's slot.
 * @throws FencedError where the lease is not the owner's any more; nothing was written then.
 */
export class LaneStore {
  readonly #redis: Redis;
  readonly #keys: ShardKeys;
  readonly #lease: Lease;
  readonly #retentionMs: number;

  constructor(redis: Redis, keys: ShardKeys, lease: Lease, retentionMs: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#lease = lease;
    this.#retentionMs = retentionMs;
  }

  async claim(laneId: string): Promise<LaneStep> {
    return this.#step(await this.#run(CLAIM, [laneId, this.#retentionMs]));
  }

  /**
   * Ends a claimed update and, where wanted, claims the next one of its lane in the same step.
   * Undefined where the claim was not current any more (it was settled before).
   */
  async settle(
    laneId: string,
    claim: Claim,
    state: FinalState,
    fields: Readonly<Record<string, string | number>>,
    claimNext: boolean,
  ): Promise<LaneStep | undefined> {
    const answer = await this.#run(SETTLE, [
      laneId,
      claim.updateId,
      claim.tries,
      this.#retentionMs,
      state,
      claimNext ? '1' : '0',
      ...Object.entries(fields).flat(),
    ]);
    return answer[0] === 'stale' ? undefined : this.#step(answer);
  }

  /** @returns false where the claim was not current any more. */
  async giveBack(
    laneId: string,
    claim: Claim,
    wait: LaneWait,
    progress: PublishProgress,
  ): Promise<boolean> {
    const answer = await this.#run(GIVE_BACK, [
      laneId,
      claim.updateId,
      claim.tries,
      this.#retentionMs,
      wait.reason,
      wait.detail ?? '',
      wait.until ?? '',
      progress,
    ]);
    return answer[0] === 'held';
  }

  /** States why a lane's head waits, before any claim. */
  async hold(laneId: string, wait: LaneWait): Promise<LaneWait | undefined> {
    const args = [laneId, wait.reason, wait.detail ?? '', wait.until ?? ''];
    const [verdict, expiresAt] = await this.#run(HOLD, args);
    return verdict === 'held' ? { ...wait, expiresAt: optionalNumber(expiresAt) } : undefined;
  }

  async stateOf(updateId: string): Promise<string | null> {
    return this.#redis.hget(this.#keys.update(updateId), 'state');
  }

  /** Looks at `count` lanes from `first` on. `seen` below `count` means that the end was reached. */
  async sweep(
    first: number,
    count: number,
    slackMs: number,
  ): Promise<{ seen: number; findings: readonly SweepFinding[] }> {
    const [, seen, ...rest] = await this.#run(SWEEP, [first, count, slackMs]);
    const findings: SweepFinding[] = [];
    for (let at = 0; at + 3 < rest.length; at += 4) {
      findings.push({
        action: rest[at] as SweepFinding['action'],
        laneId: rest[at + 1] ?? '',
        updateId: rest[at + 2] ?? '',
        jobId: rest[at + 3] ?? '',
      });
    }
    return { seen: Number(seen), findings };
  }

  async #run(script: Script, args: readonly ScriptArgument[]): Promise<string[]> {
    const { epoch, token, shard } = this.#lease;
    const answer = await runScript(
      this.#redis,
      script,
      [this.#keys.lease],
      [epoch, token, ...args],
    );
    const words = answer as string[];
    if (words[0] === 'fenced') throw new FencedError(shard);
    return words;
  }

  #step(answer: readonly string[]): LaneStep {
    const [kind, ...rest] = answer;
    switch (kind) {
      case 'claimed':
        return { kind, claim: parseClaim(rest) };
      case 'wait': {
        const [reason, until, detail, expiresAt] = rest;
        return {
          kind: 'waits',
          wait: {
            reason: reason as WaitReason,
            detail: detail === '' ? undefined : detail,
            until: optionalNumber(until),
            expiresAt: optionalNumber(expiresAt),
          },
        };
      }
      default:
        return { kind: 'empty' };
    }
  }
}

function parseClaim(words: readonly string[]): Claim {
  const [id = '', tries, desired = '{}', confirm, expected, expires, created, unknown] = words;
  return {
    updateId: id,
    tries: Number(tries),
    desired,
    confirm: confirm as ConfirmLevel,
    expectedVersion: optionalNumber(expected),
    expiresAt: optionalNumber(expires),
    createdAt: Number(created),
    unknownTries: Number(unknown),
  };
}
