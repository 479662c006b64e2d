import type {
  ConfirmLevel,
  FailureCode,
  FinalState,
  WaitReason,
} from '../../shared/domain/sets.ts';
import { MAX_UPDATES_PER_JOB } from '../../shared/queue/deliverJob.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/keys.ts';
import { runScript, type Script, type ScriptArgument } from '../../shared/redis/script.ts';
import { EXPIRE_DUE } from '../../shared/store/lua/endScripts.ts';
import { CLAIM, GIVE_BACK, HOLD, SETTLE } from '../../shared/store/lua/scripts.ts';
import { DUE } from '../../shared/store/lua/scheduleScripts.ts';
import { SWEEP } from '../../shared/store/lua/sweepScripts.ts';
import { optionalNumber } from '../../shared/store/updateRecord.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';
import type { RedisClock } from '../fleet/redisClock.ts';
import { endingsOf } from './group.ts';

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
  readonly createdAt: number;
  /** Earlier publishes whose answer never came. */
  readonly unknownTries: number;
  /** The updates that go with it in one publish, in their order; none as a rule. */
  readonly members: readonly Member[];
}

export interface Member {
  readonly updateId: string;
  /** Its desired document as JSON. */
  readonly desired: string;
}

/** How one update of a claim ends. */
export interface Ending {
  readonly updateId: string;
  readonly state: FinalState;
  readonly supersededFields: readonly string[];
}

export interface LaneWait {
  readonly reason: WaitReason;
  readonly detail?: string | undefined;
  /** Epoch milliseconds; absent where only an event ends the wait. */
  readonly until?: number | undefined;
  /** When the head expires, which ends the wait too. */
  readonly expiresAt?: number | undefined;
}

/** An update that a script ended without a publish: it expired, or its identity is gone. */
export interface Ended {
  readonly updateId: string;
  readonly state: FinalState;
  readonly code: FailureCode;
  readonly confirm: ConfirmLevel;
  readonly createdAt: number;
}

/** What a lane does next. `ended` lists the updates that stood before it and ended on the way. */
export type LaneStep = { readonly ended: readonly Ended[] } & (
  | { readonly kind: 'empty' }
  | { readonly kind: 'waits'; readonly wait: LaneWait }
  | { readonly kind: 'claimed'; readonly claim: Claim }
);

/** How far a publish that is given back had come; 'apart' sends a group's updates one by one. */
export type PublishProgress = 'unsent' | 'sent' | 'answered' | 'apart';

/** What the sweep found: a head without a live job, or with one that runs too late. */
export interface SweepFinding {
  readonly action: 'orphan' | 'late';
  readonly laneId: string;
  readonly updateId: string;
  readonly jobId: string;
  /** For an orphan: the lane's first updates, head first, as many as one job names. */
  readonly updateIds: readonly string[];
}

const WORDS_A_FINDING = 5;

/**
 * The lanes of one shard, for its owner. Every call is one script in the shard's slot. Times are
 * of this process's clock, and of Redis's only in Redis.
 * @throws FencedError where the lease is not the owner's any more; nothing was written then.
 */
export class LaneStore {
  readonly #redis: RedisClient;
  readonly #keys: ShardKeys;
  readonly #lease: Lease;
  readonly #retentionMs: number;
  readonly #clock: RedisClock;

  constructor(
    redis: RedisClient,
    keys: ShardKeys,
    lease: Lease,
    retentionMs: number,
    clock: RedisClock,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#lease = lease;
    this.#retentionMs = retentionMs;
    this.#clock = clock;
  }

  async claim(laneId: string): Promise<LaneStep> {
    return this.#step(await this.#run(CLAIM, [laneId, this.#retentionMs]));
  }

  /**
   * Ends a claim: its update first, then the members of its group, each with the fields as well.
   * Where wanted, claims the next update of the lane in the same step.
   * Undefined where the claim was not current any more (it was settled before).
   */
  async settle(
    laneId: string,
    claim: Claim,
    state: FinalState,
    fields: Readonly<Record<string, string | number>>,
    claimNext: boolean,
  ): Promise<LaneStep | undefined> {
    const { own, members } = endingsOf(claim, state);
    const { publishedAt } = fields;
    const times =
      publishedAt === undefined ? {} : { publishedAt: this.#clock.toRedis(Number(publishedAt)) };
    const answer = await this.#run(SETTLE, [
      laneId,
      claim.updateId,
      claim.tries,
      this.#retentionMs,
      own.state,
      claimNext ? '1' : '0',
      supersededText(own),
      members.length,
      ...members.flatMap((member) => [member.updateId, member.state, supersededText(member)]),
      ...Object.entries({ ...fields, ...times }).flat(),
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
      this.#textOf(wait.until),
      progress,
    ]);
    return answer[0] === 'held';
  }

  /** States why a lane's head waits, without a claim; ends the heads that expired. */
  async hold(laneId: string, wait: LaneWait): Promise<LaneStep> {
    const { reason, detail = '', until } = wait;
    const args = [laneId, this.#retentionMs, reason, detail, this.#textOf(until)];
    const [verdict, report, expiresAt] = await this.#run(HOLD, args);
    const ended = this.#parseEnded(report);
    if (verdict === 'empty') return { kind: 'empty', ended };
    return { kind: 'waits', wait: { ...wait, expiresAt: this.#timeOf(expiresAt) }, ended };
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
    // BullMQ delays jobs by this process's clock, which the script compares with Redis's.
    const args = [first, count, slackMs + this.#clock.aheadMs, MAX_UPDATES_PER_JOB];
    const [, seen, ...rest] = await this.#run(SWEEP, args);
    const findings: SweepFinding[] = [];
    for (let at = 0; at + 4 < rest.length; at += WORDS_A_FINDING) {
      findings.push({
        action: rest[at] as SweepFinding['action'],
        laneId: rest[at + 1] ?? '',
        updateId: rest[at + 2] ?? '',
        jobId: rest[at + 3] ?? '',
        updateIds: rest[at + 4] === '' ? [] : (rest[at + 4] ?? '').split(','),
      });
    }
    return { seen: Number(seen), findings };
  }

  /** Ends updates whose deadline has passed, wherever they stand; `jobIds` are of lanes' new heads. */
  async expireDue(
    limit: number,
    againInMs: number,
  ): Promise<{ seen: number; ended: readonly Ended[]; jobIds: readonly string[] }> {
    const args = [this.#retentionMs, limit, againInMs];
    const [, seen, report, ...jobIds] = await this.#run(EXPIRE_DUE, args);
    return { seen: Number(seen), ended: this.#parseEnded(report), jobIds };
  }

  /** Updates whose time has come, with their lanes, and Redis's clock. */
  async due(
    limit: number,
  ): Promise<{ now: number; updates: [updateId: string, laneId: string][] }> {
    const [, now, ...words] = await this.#run(DUE, [limit]);
    const updates: [string, string][] = [];
    for (let at = 0; at + 1 < words.length; at += 2) {
      updates.push([words[at] ?? '', words[at + 1] ?? '']);
    }
    return { now: Number(now), updates };
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
    const [kind, report, ...rest] = answer;
    const ended = this.#parseEnded(report);
    switch (kind) {
      case 'claimed':
        return { kind, claim: this.#parseClaim(rest), ended };
      case 'wait': {
        const [reason, until, detail, expiresAt] = rest;
        const wait = {
          reason: reason as WaitReason,
          detail: detail === '' ? undefined : detail,
          until: this.#timeOf(until),
          expiresAt: this.#timeOf(expiresAt),
        };
        return { kind: 'waits', wait, ended };
      }
      default:
        return { kind: 'empty', ended };
    }
  }

  #parseEnded(report: string | undefined): readonly Ended[] {
    if (report === undefined || report === '[]') return [];
    return (JSON.parse(report) as EndedWords[]).map(
      ([updateId, state, code, confirm, createdAt]) => ({
        updateId,
        state,
        code,
        confirm,
        createdAt: this.#clock.toLocal(Number(createdAt)),
      }),
    );
  }

  #parseClaim(words: readonly string[]): Claim {
    const [id = '', tries, desired = '{}', confirm, expected, expires, created, unknown, group] =
      words;
    return {
      updateId: id,
      tries: Number(tries),
      desired,
      confirm: confirm as ConfirmLevel,
      expectedVersion: optionalNumber(expected),
      expiresAt: this.#timeOf(expires),
      createdAt: this.#clock.toLocal(Number(created)),
      unknownTries: Number(unknown),
      members: parseMembers(group),
    };
  }

  /** A time as Redis gave it; undefined for none. */
  #timeOf(text: string | undefined): number | undefined {
    const time = optionalNumber(text);
    return time === undefined ? undefined : this.#clock.toLocal(time);
  }

  /** A time as Redis gets it; '' for none. */
  #textOf(time: number | undefined): number | '' {
    return time === undefined ? '' : this.#clock.toRedis(time);
  }
}

type EndedWords = readonly [string, FinalState, FailureCode, ConfirmLevel, string];

function supersededText({ supersededFields }: Ending): string {
  return supersededFields.length === 0 ? '' : JSON.stringify(supersededFields);
}

function parseMembers(group: string | undefined): readonly Member[] {
  if (group === undefined || group === '') return [];
  const pairs = JSON.parse(group) as [string, string][];
  return pairs.map(([updateId, desired]) => ({ updateId, desired }));
}
