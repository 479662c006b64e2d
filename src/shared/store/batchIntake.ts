import { createHash } from 'node:crypto';
import type { ErrorPolicy } from '../domain/batch.ts';
import { batchIdOf, shardOf } from '../domain/ids.ts';
import type { UpdateRequest } from '../domain/update.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import type { Admission } from './admissions.ts';
import {
  type BatchJournal,
  errorOf,
  type Refusals,
  refusalOf,
  type RowRefusal,
} from './batchRecord.ts';
import { AGREE_ON_BATCH, BEGIN_BATCH, END_ACCEPT, KNOWN_IDENTITIES } from './lua/batchScripts.ts';
import {
  identityNotFound,
  type IntakeOptions,
  type IntakeRow,
  type UpdateIntake,
} from './updateIntake.ts';

export interface BatchOptions extends Pick<IntakeOptions, 'actor' | 'idempotencyKey' | 'check'> {
  readonly label?: string | undefined;
  readonly onError: ErrorPolicy;
  /** The batch whose failed updates this one sends again. */
  readonly retryOf?: string | undefined;
}

/** What became of a request with many rows. */
export interface BatchIntakeAnswer {
  /** Absent where no row was taken. */
  readonly batchId?: string | undefined;
  readonly rows: readonly IntakeRow[];
}

/** The newest batches that are listed. */
const MOST_LISTED = 10_000;

/**
 * Takes many updates in as one batch. What is to be taken is written down first: whoever finds it,
 * the caller's replay or the fleet's sweep, finishes what a crash left half done, and the answer is
 * kept for whoever comes again with the same key. With REJECT_ALL everything is checked before that
 * is written, the identities included, and from then on all rows are taken.
 */
export class BatchIntake {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #intake: UpdateIntake;
  readonly #settings: { readonly shardCount: number; readonly retentionMs: number };

  constructor(
    redis: RedisClient,
    keys: Keys,
    intake: UpdateIntake,
    settings: { readonly shardCount: number; readonly retentionMs: number },
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#intake = intake;
    this.#settings = settings;
  }

  /** @throws IDEMPOTENCY_KEY_REUSED where the key came with another body before. */
  async accept(
    requests: readonly UpdateRequest[],
    options: BatchOptions,
  ): Promise<BatchIntakeAnswer> {
    const admission = await this.#intake.admit(requests, options);
    const batchId = batchIdOf(admission.at, nameOf(requests, admission, options));
    const key = this.#keys.batch(batchId);
    const [given, begun] = await this.#redis.hmget(key, 'refusals', 'journal');
    if (typeof given === 'string') return answerOf(batchId, requests, admission, parse(given));
    // What was decided to be taken is taken, whatever has changed since.
    if (typeof begun === 'string') return this.#take(batchId, JSON.parse(begun) as BatchJournal);
    const refusals = await this.#refusals(requests, admission, options);
    const refused = Object.keys(refusals).length;
    if (refused === requests.length || (refused > 0 && options.onError === 'REJECT_ALL')) {
      return this.#refuse(batchId, requests, admission, refusals, options);
    }
    const { problems: _, ...kept } = admission;
    const { actor, idempotencyKey, onError } = options;
    const journal = { requests, refusals, admission: kept, actor, idempotencyKey, onError };
    await this.#redis.zadd(this.#keys.acceptingBatches, admission.at, batchId);
    await this.#begin(batchId, journal, admission.at, options);
    return this.#take(batchId, journal);
  }

  /** Finishes an accept that was begun, or what is left of it where all of it was taken. */
  async finish(batchId: string): Promise<void> {
    const key = this.#keys.batch(batchId);
    const [journal, at, shards] = await this.#redis.hmget(key, 'journal', 'createdAt', 'shards');
    if (typeof journal === 'string') await this.#take(batchId, JSON.parse(journal) as BatchJournal);
    else await this.#list(batchId, shards ? Number(at) : undefined);
  }

  /** Has an accept that could not be finished looked at as if it had begun then. */
  async postpone(batchId: string, at: number): Promise<void> {
    await this.#redis.zadd(this.#keys.acceptingBatches, 'XX', at, batchId);
  }

  /** The batches whose accept began before then and was not finished, oldest first. */
  async unfinished(before: number, limit: number): Promise<readonly string[]> {
    return this.#redis.zrangebyscore(
      this.#keys.acceptingBatches,
      '-inf',
      before,
      'LIMIT',
      0,
      limit,
    );
  }

  /** The rows that cannot be taken, as far as that is known before. */
  async #refusals(
    requests: readonly UpdateRequest[],
    { at, routes, problems }: Admission,
    { check, onError }: BatchOptions,
  ): Promise<Refusals> {
    const refusals: Record<number, RowRefusal> = {};
    for (const [index, request] of requests.entries()) {
      const problem = check?.(request, at, index) ?? problems?.get(index);
      if (problem !== undefined) refusals[index] = refusalOf(problem);
    }
    if (onError === 'SKIP_INVALID') return refusals;
    const senders = requests.map(
      ({ identityId }, index) => routes?.[index]?.identityId ?? identityId,
    );
    const unknown = await this.#unknown(
      senders.filter((_, index) => refusals[index] === undefined),
    );
    for (const [index, identityId] of senders.entries()) {
      if (unknown.has(identityId)) refusals[index] = refusalOf(identityNotFound(identityId));
    }
    return refusals;
  }

  async #unknown(identityIds: readonly string[]): Promise<ReadonlySet<string>> {
    const byShard = new Map<number, string[]>();
    for (const id of new Set(identityIds)) {
      const shard = shardOf(id, this.#settings.shardCount);
      byShard.set(shard, [...(byShard.get(shard) ?? []), id]);
    }
    const unknown = new Set<string>();
    await Promise.all(
      [...byShard].map(async ([shard, ids]) => {
        const { lease } = this.#keys.shard(shard);
        const known = (await runScript(this.#redis, KNOWN_IDENTITIES, [lease], ids)) as number[];
        for (const [at, id] of ids.entries()) if (known[at] === 0) unknown.add(id);
      }),
    );
    return unknown;
  }

  /** Nothing is taken; with a key, that is the answer for good. */
  async #refuse(
    batchId: string,
    requests: readonly UpdateRequest[],
    admission: Admission,
    refusals: Refusals,
    options: BatchOptions,
  ): Promise<BatchIntakeAnswer> {
    const whole: Record<number, RowRefusal> = {};
    const [first = '0'] = Object.keys(refusals);
    for (const index of requests.keys()) whole[index] = refusals[index] ?? notTaken(Number(first));
    if (options.idempotencyKey !== undefined) {
      const { retentionMs } = this.#settings;
      const key = this.#keys.batch(batchId);
      const keeping = this.#redis.multi().hsetnx(key, 'refusals', JSON.stringify(whole));
      await keeping.pexpire(key, retentionMs).exec();
    }
    return answerOf(batchId, requests, admission, whole);
  }

  async #begin(
    batchId: string,
    journal: BatchJournal,
    at: number,
    { actor, label, retryOf }: BatchOptions,
  ): Promise<void> {
    const fields = { actor, createdAt: at, label, retryOf };
    const words = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [name, value],
    );
    const key = this.#keys.batch(batchId);
    await runScript(this.#redis, BEGIN_BATCH, [key], [JSON.stringify(journal), ...words]);
  }

  async #take(batchId: string, journal: BatchJournal): Promise<BatchIntakeAnswer> {
    const { requests, admission, refusals, actor, idempotencyKey, onError } = journal;
    let agreed: BatchJournal | undefined = journal;
    const agree = async (moved: Admission) => {
      agreed = agreed && (await this.#agree(batchId, agreed, moved));
      return agreed?.admission;
    };
    const rows = await this.#intake.take(requests, admission, {
      actor,
      // With a key, its record is what everybody takes the rows by.
      ...(idempotencyKey === undefined ? { agree } : { idempotencyKey }),
      batchId,
      allKnown: onError === 'REJECT_ALL',
      check: (_request, _at, index) => {
        const refusal = refusals[index];
        return refusal && errorOf(refusal);
      },
    });
    // A group that finds no member now, say: the journal stays, and the rest is taken later.
    const stuck = onError === 'REJECT_ALL' ? rows.find((row) => !row.taken) : undefined;
    if (stuck?.taken === false) throw stuck.error;
    const refused: Record<number, RowRefusal> = {};
    for (const [index, row] of rows.entries()) {
      if (!row.taken) refused[index] = refusalOf(row.error);
    }
    const taken = rows.some((row) => row.taken);
    const { shardCount, retentionMs } = this.#settings;
    const shards = new Set(
      rows.flatMap((row) => (row.taken ? shardOf(row.identityId, shardCount) : [])),
    );
    await runScript(
      this.#redis,
      END_ACCEPT,
      [this.#keys.batch(batchId)],
      [JSON.stringify(refused), [...shards].join(','), taken ? '' : retentionMs],
    );
    await this.#list(batchId, taken ? admission.at : undefined);
    return { batchId: taken ? batchId : undefined, rows };
  }

  /** Lists it by when it was accepted, where anything was, instead of as one that is accepting. */
  async #list(batchId: string, at: number | undefined): Promise<void> {
    const listing = this.#redis.multi();
    if (at !== undefined) {
      listing.zadd(this.#keys.batches, at, batchId);
      listing.zremrangebyrank(this.#keys.batches, 0, -1 - MOST_LISTED);
    }
    await listing.zrem(this.#keys.acceptingBatches, batchId).exec();
  }

  /** Has the journal say what was routed anew, so that whoever takes the rows takes the same. */
  async #agree(
    batchId: string,
    before: BatchJournal,
    admission: Admission,
  ): Promise<BatchJournal | undefined> {
    const args = [before, { ...before, admission }].map((journal) => JSON.stringify(journal));
    const key = this.#keys.batch(batchId);
    const stands = await runScript(this.#redis, AGREE_ON_BATCH, [key], args);
    return typeof stands === 'string' ? (JSON.parse(stands) as BatchJournal) : undefined;
  }
}

/** Tells a request from any other that was admitted in the same millisecond. */
function nameOf(
  requests: readonly UpdateRequest[],
  { ids }: Admission,
  { actor, idempotencyKey }: BatchOptions,
): string {
  const rows = idempotencyKey === undefined ? ids : requests.length;
  const name = JSON.stringify([actor, idempotencyKey ?? null, rows]);
  return createHash('sha256').update(name).digest('hex');
}

function notTaken(index: number): RowRefusal {
  return {
    code: 'ROW_NOT_TAKEN',
    message: `Nothing was accepted, because of row ${index}.`,
    remedy: 'Correct the rows that have errors of their own, or send with onError: SKIP_INVALID.',
  };
}

function parse(refusals: string): Refusals {
  return JSON.parse(refusals) as Refusals;
}

function answerOf(
  batchId: string,
  requests: readonly UpdateRequest[],
  { ids, routes }: Admission,
  refusals: Refusals,
): BatchIntakeAnswer {
  const rows = requests.map((request, index): IntakeRow => {
    const refusal = refusals[index];
    if (refusal !== undefined) return { taken: false, error: errorOf(refusal) };
    const identityId = routes?.[index]?.identityId ?? request.identityId;
    return { taken: true, updateId: ids[index] ?? '', identityId };
  });
  return { batchId: rows.some(({ taken }) => taken) ? batchId : undefined, rows };
}
