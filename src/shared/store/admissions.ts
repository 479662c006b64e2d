import { createHash } from 'node:crypto';
import { newUpdateId, shardOf, updateIdIn } from '../domain/ids.ts';
import type { UpdateRequest } from '../domain/update.ts';
import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { type GroupRouter, type Route, sameRoute } from './groupRouter.ts';
import { REPLACE_RECORD } from './lua/recordScripts.ts';

/** What a request was given when it first came, in the order of its rows. */
export interface Admission {
  /** Update ids, each of which names the shard of its identity. */
  readonly ids: readonly string[];
  /** Of rows that go through groups, by which member. */
  readonly routes?: readonly (Route | null)[] | undefined;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Why rows could not be routed now; not part of what is kept. */
  readonly problems?: ReadonlyMap<number, CourierError> | undefined;
  /** The idempotency record as Redis has it; absent without a key. */
  readonly text?: string | undefined;
}

export interface AdmissionOptions {
  readonly actor: string;
  readonly idempotencyKey?: string | undefined;
  /**
   * Writes routes that were chosen anew where whoever takes the same rows finds them, unless others
   * stand there by now; in the place of the record of the idempotency key. Answers what stands;
   * undefined where somebody has taken all.
   */
  readonly agree?: ((moved: Admission) => Promise<Admission | undefined>) | undefined;
}

/** A choice can move while it is used; that it does so again and again is a fault. */
export const MAX_ROUTINGS = 10;

/** Gives requests their ids, the same ones whenever they come again under their idempotency key. */
export class Admissions {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #router: GroupRouter;
  readonly #settings: { readonly shardCount: number; readonly retentionMs: number };

  constructor(
    redis: RedisClient,
    keys: Keys,
    router: GroupRouter,
    settings: { readonly shardCount: number; readonly retentionMs: number },
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#router = router;
    this.#settings = settings;
  }

  /**
   * At once where nothing has to be looked up: a promise for each request would cost something.
   * @throws IDEMPOTENCY_KEY_REUSED where the key came with another body before.
   */
  admit(
    requests: readonly UpdateRequest[],
    options: AdmissionOptions,
  ): Admission | Promise<Admission> {
    const all = requests.map((_, index) => index);
    const blank: Admission = { ids: requests.map(() => ''), at: Date.now() };
    const placed = this.#place(requests, all, blank);
    return options.idempotencyKey === undefined
      ? placed
      : this.#admitOnce(requests, placed, options);
  }

  async #admitOnce(
    requests: readonly UpdateRequest[],
    placed: Admission | Promise<Admission>,
    options: AdmissionOptions,
  ): Promise<Admission> {
    const admission = await placed;
    const body = digest(JSON.stringify(requests.map(asked)));
    const text = textOf(body, admission);
    const { retentionMs } = this.#settings;
    const key = this.#key(options);
    const earlier = await this.#redis.set(key, text, 'PX', retentionMs, 'NX', 'GET');
    if (earlier === null) return { ...admission, text };
    const known = JSON.parse(earlier) as Admission & { readonly body: string };
    if (known.body === body) return { ...known, text: earlier };
    throw new CourierError(
      'IDEMPOTENCY_KEY_REUSED',
      'This idempotency key came with another body before.',
      'Use a new key for a new request, or send the first request again unchanged.',
    );
  }

  /**
   * Routes rows anew whose routes were refused, under new ids where another shard is theirs. Who
   * takes the same rows at the same time gets the same.
   * @returns undefined where there is nothing left to be taken.
   */
  async routeAgain(
    requests: readonly UpdateRequest[],
    indexes: readonly number[],
    before: Admission,
    options: AdmissionOptions,
  ): Promise<Admission | undefined> {
    const moved = await this.#place(requests, indexes, before);
    const { problems, ...kept } = moved;
    const stands =
      options.agree === undefined
        ? await this.#agree(before, kept, options)
        : await options.agree(kept);
    if (stands === undefined) return undefined;
    // A row that somebody else found a route for has no problem any more.
    const still = [...(problems ?? [])].filter(([index]) =>
      sameRoute(moved.routes?.[index], stands.routes?.[index]),
    );
    return { ...stands, problems: new Map(still) };
  }

  /** Has the idempotency record, where there is one, say what was routed anew. */
  async #agree(before: Admission, moved: Admission, options: AdmissionOptions): Promise<Admission> {
    if (before.text === undefined) return moved;
    const { body } = JSON.parse(before.text) as { readonly body: string };
    const text = textOf(body, moved);
    const present = (await runScript(
      this.#redis,
      REPLACE_RECORD,
      [this.#key(options)],
      [before.text, text],
    )) as string | null;
    if (present === null || present === text) return { ...moved, text };
    return { ...(JSON.parse(present) as Admission), text: present };
  }

  /** Gives the rows named their ids; those that go through groups are routed first. */
  #place(
    requests: readonly UpdateRequest[],
    indexes: readonly number[],
    before: Admission,
  ): Admission | Promise<Admission> {
    const ids = [...before.ids];
    // Most rows of a batch share an identity with others.
    const shards = new Map<string, number>();
    const ofGroups = new Map<string, number[]>();
    for (const index of indexes) {
      const { groupId, identityId = '' } = requests[index] ?? {};
      if (groupId === undefined) ids[index] = this.#idFor(identityId, ids[index], shards);
      else ofGroups.set(groupId, [...(ofGroups.get(groupId) ?? []), index]);
    }
    if (ofGroups.size === 0) return { ...before, ids };
    return this.#placeByGroups(requests, ofGroups, { ...before, ids }, shards);
  }

  async #placeByGroups(
    requests: readonly UpdateRequest[],
    ofGroups: ReadonlyMap<string, readonly number[]>,
    before: Admission,
    shards: Map<string, number>,
  ): Promise<Admission> {
    const ids = [...before.ids];
    const routes = requests.map((_, index) => before.routes?.[index] ?? null);
    const problems = new Map(before.problems);
    await Promise.all(
      [...ofGroups].map(async ([groupId, ofGroup]) => {
        try {
          const found = await this.#route(groupId, ofGroup, requests, before);
          for (const [index, route] of found) {
            problems.delete(index);
            routes[index] = route;
            ids[index] = this.#idFor(route.identityId, ids[index], shards);
          }
        } catch (error) {
          if (!(error instanceof CourierError)) throw error;
          for (const index of ofGroup) problems.set(index, error);
        }
      }),
    );
    return { ...before, ids, routes, problems };
  }

  /** By row. Their routes so far, if any, were refused. */
  async #route(
    groupId: string,
    indexes: readonly number[],
    requests: readonly UpdateRequest[],
    before: Admission,
  ): Promise<ReadonlyMap<number, Route>> {
    const thingOf = (index: number) => requests[index]?.thing ?? '';
    const refused = new Map<string, Route>();
    for (const index of indexes) {
      const route = before.routes?.[index];
      if (route) refused.set(thingOf(index), route);
    }
    const found = await this.#router.routes(groupId, indexes.map(thingOf), refused);
    const routes = new Map<number, Route>();
    for (const index of indexes) {
      const route = found.get(thingOf(index));
      if (route !== undefined) routes.set(index, route);
    }
    return routes;
  }

  /** A row keeps its id but for the shard, so that whoever routes it again gives it the same. */
  #idFor(identityId: string, before: string | undefined, shards: Map<string, number>): string {
    const shard = shards.get(identityId) ?? shardOf(identityId, this.#settings.shardCount);
    shards.set(identityId, shard);
    return before ? updateIdIn(shard, before) : newUpdateId(shard);
  }

  #key({ actor, idempotencyKey }: AdmissionOptions): string {
    return this.#keys.idempotency(digest(`${actor}\n${idempotencyKey}`));
  }
}

/** What a caller asked for: by whom something is sent again follows from whether its group is there. */
function asked(request: UpdateRequest): UpdateRequest {
  if (request.replayOf === undefined) return request;
  return { ...request, identityId: '', groupId: undefined };
}

function textOf(body: string, { ids, routes, at }: Admission): string {
  return JSON.stringify({ body, ids, routes, at });
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
