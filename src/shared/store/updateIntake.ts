import { shardOfUpdate } from '../domain/ids.ts';
import { labelText } from '../domain/labels.ts';
import { laneId } from '../domain/lane.ts';
import type { UpdateRequest } from '../domain/update.ts';
import { CourierError } from '../errors/courierError.ts';
import { MAX_UPDATES_PER_JOB, SCHEDULE } from '../queue/deliverJob.ts';
import { BULK_PRIORITY, type NewJob, type ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { type Admission, type AdmissionOptions, Admissions, MAX_ROUTINGS } from './admissions.ts';
import { GroupRouter, groupUnsettled, type Route } from './groupRouter.ts';
import { deliverJob, scheduleJob } from './intakeJobs.ts';
import { ACCEPT } from './lua/acceptScript.ts';
import { countOfShard, INDEX_BOUNDS, type IndexBounds } from './indexBounds.ts';
import { startOf, startText } from './start.ts';

export interface IntakeOptions {
  /** Who asks; written to the record. */
  readonly actor: string;
  /** The batch that the updates belong to. */
  readonly batchId?: string | undefined;
  /**
   * That the identities exist was found before, and all rows are taken or none: updates of one that
   * was removed since end as IDENTITY_REMOVED.
   */
  readonly allKnown?: boolean | undefined;
  /** Same key and same body: the same updates again. Kept as long as finished updates are. */
  readonly idempotencyKey?: string | undefined;
  readonly agree?: AdmissionOptions['agree'];
  /**
   * Refuses a row by itself. `at` is when the request first came, so that a replay is judged as
   * the first call was, whatever has expired since.
   */
  readonly check?: (request: UpdateRequest, at: number, index: number) => CourierError | undefined;
}

/** What became of one row. */
export type IntakeRow =
  /** `identityId` is the member that sends it where it was sent through a group. */
  | { readonly taken: true; readonly updateId: string; readonly identityId: string }
  | { readonly taken: false; readonly error: CourierError };

interface Row {
  readonly index: number;
  readonly updateId: string;
  readonly shard: number;
  /** With the identity that sends it. */
  readonly request: UpdateRequest;
  readonly route: Route | undefined;
  readonly problem: CourierError | undefined;
}

/**
 * Takes updates in: record, lane and job in one transaction a shard and up to a hundred rows.
 * Requests must have been checked (`requestProblem`), by the caller or by `check`.
 */
export class UpdateIntake {
  readonly #admissions: Admissions;
  readonly #queues: ShardQueues;
  readonly #retentionMs: number;
  /** The index's age in ms, and the most entries of a list of it. */
  readonly #index: readonly [number, number];

  constructor(
    redis: RedisClient,
    keys: Keys,
    queues: ShardQueues,
    settings: { shardCount: number; retentionMs: number } & Partial<IndexBounds>,
    router = new GroupRouter(redis, keys, settings),
  ) {
    this.#admissions = new Admissions(redis, keys, router, settings);
    this.#queues = queues;
    this.#retentionMs = settings.retentionMs;
    const { indexMaxAgeMs, indexMaxCount } = { ...INDEX_BOUNDS, ...settings };
    this.#index = [indexMaxAgeMs, countOfShard(indexMaxCount, settings.shardCount)];
  }

  /**
   * @returns a row for each request, in their order; a row fails alone where `check` refuses it or
   * its identity is unknown.
   * @throws IDEMPOTENCY_KEY_REUSED where the key came with another body before.
   */
  accept(
    requests: readonly UpdateRequest[],
    options: IntakeOptions,
  ): Promise<readonly IntakeRow[]> {
    return this.take(requests, this.admit(requests, options), options);
  }

  /**
   * Gives a request its ids: the first half of `accept`.
   * @throws IDEMPOTENCY_KEY_REUSED where the key came with another body before.
   */
  admit(
    requests: readonly UpdateRequest[],
    options: AdmissionOptions,
  ): Admission | Promise<Admission> {
    return this.#admissions.admit(requests, options);
  }

  /** Takes in what was admitted: the second half of `accept`, as often as wanted. */
  async take(
    requests: readonly UpdateRequest[],
    admitted: Admission | Promise<Admission>,
    options: IntakeOptions,
  ): Promise<readonly IntakeRow[]> {
    let admission = admitted instanceof Promise ? await admitted : admitted;
    const outcomes: IntakeRow[] = [];
    let left = requests.map((_, index) => index);
    for (let routings = 1; left.length > 0; routings += 1) {
      const rows = left.map((index) => this.#row(requests, index, admission, options));
      const answers = await this.#acceptRows(rows, admission.at, options);
      for (const row of rows) outcomes[row.index] = outcome(row, answers.get(row.updateId));
      // A group's choice that moved meanwhile, or whose member is gone: they are routed anew.
      const refused = rows.filter((row) => isRefused(row, answers.get(row.updateId)));
      if (refused.length === 0 || routings === MAX_ROUTINGS) break;
      left = refused.map(({ index }) => index);
      const agreed = await this.#admissions.routeAgain(requests, left, admission, options);
      if (agreed === undefined) break;
      admission = agreed;
    }
    return outcomes;
  }

  #row(
    requests: readonly UpdateRequest[],
    index: number,
    { ids, routes, problems, at }: Admission,
    { check }: IntakeOptions,
  ): Row {
    const asked = requests[index];
    if (asked === undefined) throw new TypeError('a row without its request');
    const route = routes?.[index] ?? undefined;
    const request = route === undefined ? asked : { ...asked, identityId: route.identityId };
    const updateId = ids[index] ?? '';
    return {
      index,
      request,
      route,
      // What has no id is not routed, and goes nowhere.
      shard: shardOfUpdate(updateId) ?? -1,
      updateId,
      problem: check?.(request, at, index) ?? problems?.get(index),
    };
  }

  /** @returns the script's answers by update id. */
  async #acceptRows(
    rows: readonly Row[],
    at: number,
    options: IntakeOptions,
  ): Promise<ReadonlyMap<string, string>> {
    const priority = rows.length > 1 ? BULK_PRIORITY : undefined;
    const answers = new Map<string, string>();
    const parts = new Map<string, { shard: number; startsAt: number | undefined; rows: Row[] }>();
    for (const row of rows) {
      const unrouted = row.request.groupId !== undefined && row.route === undefined;
      if (row.problem !== undefined || unrouted) continue;
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
    return answers;
  }

  async #acceptChunk(
    shard: number,
    rows: readonly Row[],
    { actor, batchId = '', allKnown = false }: IntakeOptions,
    job: NewJob,
  ): Promise<readonly string[]> {
    const words = rows.map(({ updateId, request, route }) => [
      updateId,
      request.identityId,
      laneId(request),
      request.thing,
      request.shadow ?? '',
      JSON.stringify(request.desired),
      request.confirm,
      textOf(request.expectedVersion),
      textOf(request.expiresAt),
      request.coalesce === true ? '1' : '',
      request.replayOf ?? '',
      job.name === SCHEDULE ? startText(request) : '',
      route === undefined ? '' : (request.groupId ?? ''),
      textOf(route?.version),
      labelText(request),
    ]);
    const { id } = job;
    const mustExist = allKnown ? '0' : '1';
    const answer = await this.#queues.runAndAdd(
      shard,
      ACCEPT,
      [id, actor, this.#retentionMs, batchId, ...this.#index, mustExist, JSON.stringify(words)],
      job,
    );
    return answer as string[];
  }
}

function textOf(value: number | undefined): string {
  return value === undefined ? '' : String(value);
}

/** Nothing was accepted, and by another member of its group it may be. */
function isRefused({ request, route, problem }: Row, answer: string | undefined): boolean {
  if (request.groupId === undefined || problem !== undefined) return false;
  return route === undefined || answer === 'moved' || answer === 'no-identity';
}

function outcome(row: Row, answer: string | undefined): IntakeRow {
  const { request, updateId, problem } = row;
  if (problem !== undefined) return { taken: false, error: problem };
  if (isRefused(row, answer)) return { taken: false, error: groupUnsettled() };
  if (answer === 'no-identity') {
    return { taken: false, error: identityNotFound(request.identityId) };
  }
  return { taken: true, updateId, identityId: request.identityId };
}

export function identityNotFound(id: string): CourierError {
  return new CourierError(
    'IDENTITY_NOT_FOUND',
    `No identity has the id "${id.slice(0, 64)}".`,
    'Register the Cognito user with registerIdentity and use the id that it returns.',
  );
}
