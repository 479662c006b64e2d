import { createHash } from 'node:crypto';
import { newUpdateId, shardOf } from '../domain/ids.ts';
import { labelText } from '../domain/labels.ts';
import { laneId } from '../domain/lane.ts';
import type { UpdateRequest } from '../domain/update.ts';
import { CourierError } from '../errors/courierError.ts';
import {
  DELIVER,
  type DeliverJob,
  MAX_UPDATES_PER_JOB,
  SCHEDULE,
  type ScheduleJob,
} from '../queue/deliverJob.ts';
import { BULK_PRIORITY, type NewJob, type ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { ACCEPT } from './lua/scripts.ts';
import { countOfShard, INDEX_BOUNDS, type IndexBounds } from './indexBounds.ts';
import { startOf, startText } from './start.ts';

export interface IntakeOptions {
  /** Who asks; written to the record. */
  readonly actor: string;
  /** The batch that the updates belong to. */
  readonly batchId?: string | undefined;
  /** Same key and same body: the same updates again. Kept as long as finished updates are. */
  readonly idempotencyKey?: string | undefined;
  /**
   * Refuses a row by itself. `at` is when the request first came, so that a replay is judged as
   * the first call was, whatever has expired since.
   */
  readonly check?: (request: UpdateRequest, at: number) => CourierError | undefined;
}

/** What became of one row. */
export type IntakeRow =
  | { readonly taken: true; readonly updateId: string }
  | { readonly taken: false; readonly error: CourierError };

interface Row {
  readonly updateId: string;
  readonly shard: number;
  readonly request: UpdateRequest;
  readonly problem: CourierError | undefined;
}

/** What a request was given when it first came. */
interface Admission {
  readonly ids: readonly string[];
  readonly at: number;
}

/**
 * Takes updates in: record, lane and job in one transaction a shard and up to a hundred rows.
 * Requests must have been checked (`requestProblem`), by the caller or by `check`.
 */
export class UpdateIntake {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queues: ShardQueues;
  readonly #shardCount: number;
  readonly #retentionMs: number;
  /** The index's age in ms, and the most entries of a list of it. */
  readonly #index: readonly [number, number];

  constructor(
    redis: RedisClient,
    keys: Keys,
    queues: ShardQueues,
    settings: { shardCount: number; retentionMs: number } & Partial<IndexBounds>,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queues = queues;
    this.#shardCount = settings.shardCount;
    this.#retentionMs = settings.retentionMs;
    const { indexMaxAgeMs, indexMaxCount } = { ...INDEX_BOUNDS, ...settings };
    this.#index = [indexMaxAgeMs, countOfShard(indexMaxCount, settings.shardCount)];
  }

  /**
   * @returns a row for each request, in their order; a row fails alone where `check` refuses it or
   * its identity is unknown.
   * @throws IDEMPOTENCY_KEY_REUSED where the key came with another body before.
   */
  async accept(
    requests: readonly UpdateRequest[],
    options: IntakeOptions,
  ): Promise<readonly IntakeRow[]> {
    const { ids, at } = await this.#admit(requests, options);
    const rows = requests.map((request, index) => ({
      request,
      shard: this.#shard(request),
      updateId: ids[index] ?? '',
      problem: options.check?.(request, at),
    }));
    const priority = rows.length > 1 ? BULK_PRIORITY : undefined;
    const answers = new Map<string, string>();
    const parts = new Map<string, { shard: number; startsAt: number | undefined; rows: Row[] }>();
    for (const row of rows) {
      if (row.problem !== undefined) continue;
      const startsAt = startOf(row.request, at);
      const name = `${row.shard}/${startsAt ?? ''}`;
      const part = parts.get(name) ?? { shard: row.shard, startsAt, rows: [] };
      part.rows.push(row);
      parts.set(name, part);
    }
    await Promise.all(
      [...parts.values()].map(async ({ shard, startsAt, rows: ofPart }) => {
        // One after the other: a lane's order is the order of its rows.
        for (let from = 0; from < ofPart.length; from += MAX_UPDATES_PER_JOB) {
          const chunk = ofPart.slice(from, from + MAX_UPDATES_PER_JOB);
          const job =
            startsAt === undefined
              ? deliverJob(chunk, priority)
              : scheduleJob(chunk, startsAt, Date.now());
          const taken = await this.#acceptChunk(shard, chunk, options, job);
          for (const [index, row] of chunk.entries()) {
            answers.set(row.updateId, taken[index] ?? '');
          }
        }
      }),
    );
    return rows.map((row) => outcome(row, answers.get(row.updateId)));
  }

  async #acceptChunk(
    shard: number,
    rows: readonly Row[],
    { actor, batchId = '' }: IntakeOptions,
    job: NewJob,
  ): Promise<readonly string[]> {
    const args = rows.flatMap(({ updateId, request }) => [
      updateId,
      request.identityId,
      laneId(request),
      request.thing,
      request.shadow ?? '',
      JSON.stringify(request.desired),
      request.confirm,
      request.expectedVersion ?? '',
      request.expiresAt ?? '',
      request.coalesce === true ? '1' : '',
      request.replayOf ?? '',
      job.name === SCHEDULE ? startText(request) : '',
      '',
      '',
      labelText(request),
    ]);
    const answer = await this.#queues.runAndAdd(
      shard,
      ACCEPT,
      [job.id, actor, rows.length, this.#retentionMs, batchId, ...this.#index, ...args],
      job,
    );
    return answer as string[];
  }

  /** New ids, or those that an earlier call with the same idempotency key was given. */
  async #admit(requests: readonly UpdateRequest[], options: IntakeOptions): Promise<Admission> {
    const ids = requests.map((request) => newUpdateId(this.#shard(request)));
    const admission: Admission = { ids, at: Date.now() };
    if (options.idempotencyKey === undefined) return admission;
    const body = digest(JSON.stringify(requests));
    const key = this.#keys.idempotency(digest(`${options.actor}\n${options.idempotencyKey}`));
    const record = JSON.stringify({ body, ...admission });
    const earlier = await this.#redis.set(key, record, 'PX', this.#retentionMs, 'NX', 'GET');
    if (earlier === null) return admission;
    const known = JSON.parse(earlier) as Admission & { body: string };
    if (known.body === body) return known;
    throw new CourierError(
      'IDEMPOTENCY_KEY_REUSED',
      'This idempotency key came with another body before.',
      'Use a new key for a new request, or send the first request again unchanged.',
    );
  }

  #shard(request: UpdateRequest): number {
    return shardOf(request.identityId, this.#shardCount);
  }
}

function deliverJob(rows: readonly Row[], priority: number | undefined): NewJob {
  const data: DeliverJob = { updates: rows.map((row) => [row.updateId, laneId(row.request)]) };
  const id = `d_${rows[0]?.updateId}`;
  return { name: DELIVER, data, id, ...(priority === undefined ? {} : { priority }) };
}

/** Times this close share a job. */
const SCHEDULE_STEP_MS = 20;
/** A job that is this close may be running already, and not see what is scheduled now. */
const SHARED_JOB_AHEAD_MS = 1000;

/** Wakes the owner when the time of the rows has come. */
function scheduleJob(rows: readonly Row[], dueAt: number, now: number): NewJob {
  const step = Math.ceil(dueAt / SCHEDULE_STEP_MS) * SCHEDULE_STEP_MS;
  const delayMs = Math.max(0, step - now);
  const id = delayMs > SHARED_JOB_AHEAD_MS ? `t_${step}` : `t_${rows[0]?.updateId}`;
  const data: ScheduleJob = { dueAt };
  return { name: SCHEDULE, data, id, delayMs, fleeting: true };
}

function outcome(row: Row, answer: string | undefined): IntakeRow {
  if (row.problem !== undefined) return { taken: false, error: row.problem };
  if (answer !== 'no-identity') return { taken: true, updateId: row.updateId };
  return { taken: false, error: identityNotFound(row.request.identityId) };
}

export function identityNotFound(id: string): CourierError {
  return new CourierError(
    'IDENTITY_NOT_FOUND',
    `No identity has the id "${id.slice(0, 64)}".`,
    'Register the Cognito user with registerIdentity and use the id that it returns.',
  );
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
