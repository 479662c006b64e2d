import { preferredMembers } from '../domain/group.ts';
import { shardOf } from '../domain/ids.ts';
import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import {
  CHOOSE,
  END_STALE_CHOICE,
  READ_CHOICES,
  SEAL_CHOICE,
  STALE_CHOICES,
} from './lua/groupScripts.ts';

/** The member that sends for a thing, and the version of that choice. */
export interface Route {
  readonly identityId: string;
  readonly version: number;
}

export interface RouterSettings {
  readonly shardCount: number;
  /** How long finished updates, and idempotency records, are kept. */
  readonly retentionMs: number;
  readonly choiceTtlMs?: number;
  readonly maxChoices?: number;
}

const HOUR_MS = 3_600_000;
const CHOICE_TTL_MS = 7 * 24 * HOUR_MS;
const MAX_CHOICES = 200_000;
/** What is stale is looked for with every so many calls. */
const CALLS_A_LOOK = 8;
const STALE_A_LOOK = 32;

/** A member's status, as far as it is asked for in one call. */
type Standing = (identityId: string) => Promise<'usable' | 'parked' | 'gone'>;

/**
 * Finds which member of a group sends for a thing. The same one always, as the choice is recorded;
 * another one only when the first may not send any more and nothing that it sent for the group to
 * that thing is open.
 *
 * The choice and the member's lanes lie in different slots, so no script sees both. What keeps two
 * members from having open updates at once:
 * 1. Accepting names the version of the choice that it was routed by.
 * 2. Before a choice moves, its version is sealed in the slot of the member's lanes, in one step
 *    with looking that no update which came by the group is open there. From then on nothing is
 *    accepted by it: such a request is routed anew.
 * 3. The choice moves from exactly the version that was sealed.
 * Who crashes between 2 and 3 leaves a seal on a choice that still stands: the next request that
 * it refuses seals it once more and moves it on. Seals outlive idempotency records, by which a
 * request may come again with an early choice.
 */
export class GroupRouter {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #settings: Required<RouterSettings>;
  #calls = 0;

  constructor(redis: RedisClient, keys: Keys, settings: RouterSettings) {
    this.#redis = redis;
    this.#keys = keys;
    this.#settings = { choiceTtlMs: CHOICE_TTL_MS, maxChoices: MAX_CHOICES, ...settings };
  }

  /**
   * The route of each thing. `refused` are routes by which nothing was accepted: their choice was
   * void by then. @throws GROUP_EMPTY
   */
  async routes(
    groupId: string,
    things: readonly string[],
    refused: ReadonlyMap<string, Route> = new Map(),
  ): Promise<ReadonlyMap<string, Route>> {
    const unique = [...new Set(things)];
    const choices = (await this.#run(READ_CHOICES, groupId, unique)) as string[];
    const standing = this.#standing();
    let members: Promise<readonly string[]> | undefined;
    const membersOf = () => {
      members ??= this.#redis.zrange(this.#keys.groupMembers(groupId), 0, '-1');
      return members;
    };
    const routes = await Promise.all(
      unique.map(async (thing, at): Promise<readonly [string, Route]> => {
        const choice = choices[2 * at] ?? '';
        const isMember = choices[2 * at + 1] === '1';
        const known = parseChoice(choice);
        const void_ = known !== undefined && sameRoute(known, refused.get(thing));
        if (known !== undefined && !void_) {
          if (isMember && (await standing(known.identityId)) === 'usable') return [thing, known];
        }
        const next = await this.#candidate(thing, await membersOf(), standing);
        if (known === undefined) {
          if (next === undefined) throw groupEmpty();
          return [thing, await this.#choose(groupId, thing, '', next.id)];
        }
        const moved = await this.#move(groupId, thing, choice, known, { void_, isMember, next });
        return [thing, moved];
      }),
    );
    this.#calls += 1;
    if (this.#calls % CALLS_A_LOOK === 0) await this.#forgetStale(groupId);
    return new Map(routes);
  }

  async #move(
    groupId: string,
    thing: string,
    choice: string,
    known: Route,
    by: {
      readonly void_: boolean;
      readonly isMember: boolean;
      readonly next: { readonly id: string; readonly usable: boolean } | undefined;
    },
  ): Promise<Route> {
    // A parked member is as good as another parked one.
    if (!by.void_ && by.isMember && by.next?.usable !== true) return known;
    if (by.next === undefined && !by.void_) {
      // Without a member left, what is open is still the last one's.
      throw groupEmpty();
    }
    if ((await this.#seal(groupId, thing, known)) === 'busy') return known;
    if (by.next === undefined) throw groupEmpty();
    return this.#choose(groupId, thing, choice, by.next.id);
  }

  async #seal(groupId: string, thing: string, route: Route): Promise<'busy' | 'sealed'> {
    const { shardCount, retentionMs } = this.#settings;
    const { lease } = this.#keys.shard(shardOf(route.identityId, shardCount));
    const args = [groupId, route.identityId, thing, route.version, retentionMs + HOUR_MS];
    return (await runScript(this.#redis, SEAL_CHOICE, [lease], args)) as 'busy' | 'sealed';
  }

  async #choose(groupId: string, thing: string, choice: string, member: string): Promise<Route> {
    const chosen = (await this.#run(CHOOSE, groupId, [thing, choice, member])) as string;
    const route = parseChoice(chosen);
    if (route === undefined) throw groupEmpty();
    return route;
  }

  /** The first member that may send, in the order of the thing's preference; else the first one. */
  async #candidate(
    thing: string,
    members: readonly string[],
    standing: Standing,
  ): Promise<{ readonly id: string; readonly usable: boolean } | undefined> {
    let fallback: string | undefined;
    for (const id of preferredMembers(thing, members)) {
      const is = await standing(id);
      if (is === 'usable') return { id, usable: true };
      if (is === 'parked') fallback ??= id;
    }
    return fallback === undefined ? undefined : { id: fallback, usable: false };
  }

  #standing(): Standing {
    const known = new Map<string, ReturnType<Standing>>();
    const look: Standing = async (identityId) => {
      const keys = this.#keys.shard(shardOf(identityId, this.#settings.shardCount));
      const status = await this.#redis.hget(keys.identity(identityId), 'status');
      if (status === null) return 'gone';
      return status === 'QUARANTINED' || status === 'NEEDS_OPERATOR' ? 'parked' : 'usable';
    };
    return (identityId) => {
      const answer = known.get(identityId) ?? look(identityId);
      known.set(identityId, answer);
      return answer;
    };
  }

  /** Bounds what is recorded: some of the longest unused choices go, those of this group. */
  async #forgetStale(groupId: string): Promise<void> {
    const { choiceTtlMs, maxChoices } = this.#settings;
    const stale = (await this.#run(STALE_CHOICES, groupId, [
      choiceTtlMs,
      maxChoices,
      STALE_A_LOOK,
    ])) as string[];
    for (let at = 0; at + 1 < stale.length; at += 2) {
      const thing = stale[at] ?? '';
      const choice = stale[at + 1] ?? '';
      const route = parseChoice(choice);
      const busy = route !== undefined && (await this.#seal(groupId, thing, route)) === 'busy';
      await this.#run(END_STALE_CHOICE, groupId, [thing, choice, busy ? 'keep' : 'forget']);
    }
  }

  #run(script: Parameters<typeof runScript>[1], groupId: string, args: (string | number)[]) {
    const { groupMembers, groupChoices, groupUse } = this.#keysOf(groupId);
    return runScript(this.#redis, script, [groupMembers, groupChoices, groupUse], args);
  }

  #keysOf(groupId: string) {
    return {
      groupMembers: this.#keys.groupMembers(groupId),
      groupChoices: this.#keys.groupChoices(groupId),
      groupUse: this.#keys.groupUse(groupId),
    };
  }
}

function parseChoice(choice: string): Route | undefined {
  const [identityId = '', version] = choice.split('|');
  return version === undefined ? undefined : { identityId, version: Number(version) };
}

export function sameRoute(a: Route | null | undefined, b: Route | null | undefined): boolean {
  return a?.identityId === b?.identityId && a?.version === b?.version;
}

/** Choices that move on faster than they can be used. */
export function groupUnsettled(): CourierError {
  return new CourierError(
    'GROUP_UNSETTLED',
    'The member of the group that sends for this thing changed again and again.',
    'Send it again; if it stays, look at the members of the group.',
  );
}

export function groupEmpty(): CourierError {
  return new CourierError(
    'GROUP_EMPTY',
    'The group has no member that could send it.',
    'Add an identity with addToGroup.',
  );
}
