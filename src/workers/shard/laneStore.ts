import type {
  ConfirmLevel,
  FailureCode,
  FinalState,
  WaitReason,
} from '../../shared/domain/sets.ts';
import { MAX_UPDATES_PER_JOB } from '../../shared/queue/deliverJob.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { ShardKeys } from '../../shared/redis/shardKeys.ts';
import { runScript, type Script, type ScriptArgument } from '../../shared/redis/script.ts';
import { EXPIRE_DUE } from '../../shared/store/lua/endScripts.ts';
import { DUE } from '../../shared/store/lua/scheduleScripts.ts';
import { SWEEP } from '../../shared/store/lua/sweepScripts.ts';
import { optionalNumber } from '../../shared/store/updateRecord.ts';
import { FencedError, type Lease } from '../fleet/lease.ts';
import type { RedisClock } from '../fleet/redisClock.ts';
import { endingsOf } from './group.ts';
import { type EndedWords, LaneCalls, type StepAnswer } from './laneCalls.ts';
import { laneJobs } from './laneJobs.ts';

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
const NOTHING: readonly never[] = [];

type HoldAnswer =
  | readonly ['empty', readonly EndedWords[] | '']
  | readonly ['held', readonly EndedWords[] | '', expiresAt: string];

/**
 * The lanes of one shard, for its owner. Every call is a script in the shard's slot, or a part of one. Times are
 * of this process's clock, and of Redis's only in Redis.
 * @throws FencedError where the lease is not the owner's any more; nothing was written then.
 */
export class LaneStore {
  readonly #redis: RedisClient;
  readonly #keys: ShardKeys;
  readonly #lease: Lease;
  readonly #retentionMs: number;
  readonly #clock: RedisClock;
  readonly #calls: LaneCalls;

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
    this.#calls = new LaneCalls(redis, keys, lease, retentionMs);
  }

  async claim(laneId: string): Promise<LaneStep> {
    return this.#step(await this.#calls.run<StepAnswer>(['claim', laneId]));
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
    const answer = await this.#calls.run<StepAnswer>([
      'settle',
      laneId,
      claim.updateId,
      claim.tries,
      own.state,
      supersededText(own),
      members.map((member) => [member.updateId, member.state, supersededText(member)]),
      this.#wordsOf(fields),
      claimNext,
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
    const { updateId, tries } = claim;
    const { reason, detail = '', until } = wait;
    const [verdict] = await this.#calls.run<['held' | 'stale']>([
      'giveBack',
      laneId,
      updateId,
      tries,
      reason,
      // Half of a surrogate pair, which AWS's texts might hold, is no JSON to Redis.
      detail.toWellFormed(),
      this.#textOf(until),
      progress,
    ]);
    return verdict === 'held';
  }

  /** States why a lane's head waits, without a claim; ends the heads that expired. */
  async hold(laneId: string, wait: LaneWait): Promise<LaneStep> {
    const { reason, detail = '', until } = wait;
    const answer = await this.#calls.run<HoldAnswer>([
      'hold',
      laneId,
      reason,
      detail.toWellFormed(),
      this.#textOf(until),
    ]);
    const ended = this.#endedOf(answer[1]);
    if (answer[0] === 'empty') return { kind: 'empty', ended };
    return { kind: 'waits', wait: { ...wait, expiresAt: this.#timeOf(answer[2]) }, ended };
  }

  /** The states of updates in their order; null for what was pruned. */
  async statesOf(updateIds: readonly string[]): Promise<readonly (string | null)[]> {
    const states = await this.#calls.run<readonly (string | false)[]>(['states', updateIds]);
    return states.map((state) => (state === false ? null : state));
  }

  /** The jobs of a lane's first updates. */
  jobsOf(laneId: string): Promise<readonly string[]> {
    return laneJobs(this.#redis, this.#keys, laneId);
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
    return {
      seen: Number(seen),
      ended: this.#endedOf(JSON.parse(report ?? '[]') as EndedWords[]),
      jobIds,
    };
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

  #step(answer: StepAnswer): LaneStep {
    const ended = this.#endedOf(answer[1]);
    switch (answer[0]) {
      case 'claimed':
        return { kind: 'claimed', claim: this.#claimOf(answer), ended };
      case 'wait': {
        const [, , reason, until, detail, expiresAt] = answer;
        const wait = {
          reason,
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

  #endedOf(report: readonly EndedWords[] | '' | undefined): readonly Ended[] {
    if (report === undefined || report === '') return NOTHING;
    return report.map(([updateId, state, code, confirm, createdAt]) => ({
      updateId,
      state,
      code,
      confirm,
      createdAt: this.#clock.toLocal(Number(createdAt)),
    }));
  }

  #claimOf(answer: Extract<StepAnswer, readonly ['claimed', ...unknown[]]>): Claim {
    const [, , updateId, tries, desired, confirm, expected, expires, created, unknown, members] =
      answer;
    return {
      updateId,
      tries,
      desired,
      confirm,
      expectedVersion: optionalNumber(expected),
      expiresAt: this.#timeOf(expires),
      createdAt: this.#clock.toLocal(Number(created)),
      unknownTries: Number(unknown),
      members:
        members === '' ? NOTHING : members.map(([id, own]) => ({ updateId: id, desired: own })),
    };
  }

  /** A time as Redis gave it; undefined for none. */
  #timeOf(text: string | undefined): number | undefined {
    const time = optionalNumber(text);
    return time === undefined ? undefined : this.#clock.toLocal(time);
  }

  /** Fields and values as Redis gets them. */
  #wordsOf(fields: Readonly<Record<string, string | number>>): readonly string[] {
    const words: string[] = [];
    for (const [name, value] of Object.entries(fields)) {
      words.push(name, name === 'publishedAt' ? this.#textOf(Number(value)) : String(value));
    }
    return words;
  }

  /** A time as Redis gets it; '' for none. */
  #textOf(time: number | undefined): string {
    return time === undefined ? '' : String(this.#clock.toRedis(time));
  }
}

function supersededText({ supersededFields }: Ending): string {
  return supersededFields.length === 0 ? '' : JSON.stringify(supersededFields);
}
