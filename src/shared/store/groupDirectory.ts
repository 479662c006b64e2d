import { z } from 'zod';
import type { Group } from '../domain/group.ts';
import { isGroupId, newGroupId, shardOf } from '../domain/ids.ts';
import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import {
  ADD_MEMBER,
  BEGIN_GROUP_DELETION,
  CREATE_GROUP,
  END_GROUP_DELETION,
} from './lua/groupScripts.ts';
import { GROUP_IDENTITY } from './lua/identityEditScripts.ts';
import { identityNotFound } from './updateIntake.ts';

const MAX_GROUPS = 10_000;
/** A choice among more would cost more than it spreads. */
export const MAX_MEMBERS = 1000;
const MAX_GROUPS_OF_IDENTITY = 50;
/** For how long whoever looked a deleted group up before is kept from adding to it. */
const DELETED_MS = 3_600_000;

const groupInfo = z.object({
  name: z.string(),
  description: z.string().optional(),
  createdAt: z.number(),
  createdBy: z.string(),
});

export interface GroupPage {
  readonly groups: readonly Group[];
  readonly hasMore: boolean;
}

/** The groups of a deployment and their members; `GroupRouter` finds who of them sends. */
export class GroupDirectory {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /** Ends the deletion of one of this name that was cut off. @throws GROUP_EXISTS, GROUP_FULL */
  async create(name: string, description: string | undefined, actor: string): Promise<Group> {
    const info = {
      name,
      ...(description === undefined ? {} : { description }),
      createdAt: Date.now(),
      createdBy: actor,
    };
    const args = [newGroupId(), name, JSON.stringify(info), MAX_GROUPS];
    let id = (await runScript(this.#redis, CREATE_GROUP, this.#list, args)) as string;
    if (id === 'deleting') {
      const dying = await this.#inDeletion(name);
      if (dying !== undefined) await this.#finishDeletion(dying);
      id = (await runScript(this.#redis, CREATE_GROUP, this.#list, args)) as string;
    }
    if (id === 'full') throw full(`There are ${MAX_GROUPS} groups, and no room for more.`);
    if (isGroupId(id)) return { id, ...info };
    throw new CourierError(
      'GROUP_EXISTS',
      `A group is called ${name} already.`,
      'Use that group, or another name.',
    );
  }

  /** By its id or its name. @throws GROUP_NOT_FOUND */
  async require(nameOrId: string): Promise<Group> {
    const group = await this.find(nameOrId);
    if (group === undefined) throw groupNotFound(nameOrId);
    return group;
  }

  /** As `require`, and finds what a deletion that was cut off left, too. @throws GROUP_NOT_FOUND */
  async requireToDelete(nameOrId: string): Promise<Group> {
    const group = (await this.find(nameOrId)) ?? (await this.#inDeletion(nameOrId));
    if (group === undefined) throw groupNotFound(nameOrId);
    return group;
  }

  async find(nameOrId: string): Promise<Group | undefined> {
    return this.#read(this.#keys.groupInfo, nameOrId);
  }

  /** In the order of their names, after one of them. */
  async page(first: number, after: string | undefined): Promise<GroupPage> {
    const from = after === undefined ? '-' : `(${after}`;
    const { groupList } = this.#keys;
    const names = await this.#redis.zrangebylex(groupList, from, '+', 'LIMIT', 0, first + 1);
    const groups = await Promise.all(names.slice(0, first).map((name) => this.find(name)));
    return {
      groups: groups.filter((group) => group !== undefined),
      hasMore: names.length > first,
    };
  }

  /**
   * Forgets a group. What was sent through it goes on, as its members' updates. Where this is cut
   * off, nobody finds the group any more, and doing it again, by its id or its name, ends it.
   * @throws GROUP_NOT_FOUND
   */
  async delete(nameOrId: string): Promise<Group> {
    const group = await this.requireToDelete(nameOrId);
    await runScript(this.#redis, BEGIN_GROUP_DELETION, this.#list, [group.id, group.name]);
    await this.#finishDeletion(group);
    return group;
  }

  /** Does nothing where it is a member. @throws IDENTITY_NOT_FOUND, GROUP_NOT_FOUND, GROUP_FULL */
  async add(groupId: string, identityId: string): Promise<void> {
    // Noted first: a member that nobody routes to is harmless, one that is not shown is not.
    const noted = await this.#note(identityId, 'add', groupId);
    if (noted === 'missing') throw identityNotFound(identityId);
    if (noted === 'too-many') {
      throw full(`${identityId} is in ${MAX_GROUPS_OF_IDENTITY} groups already.`);
    }
    const members = [this.#keys.groupMembers(groupId), this.#keys.groupDeleted(groupId)];
    const added = await runScript(this.#redis, ADD_MEMBER, members, [identityId, MAX_MEMBERS]);
    if (added === 'added' || added === 'known') return;
    await this.#note(identityId, 'remove', groupId);
    if (added === 'deleted') throw groupNotFound(groupId);
    throw full(`The group has ${MAX_MEMBERS} members already.`);
  }

  /** Does nothing where it is no member. What it has open stays its own to end. */
  async remove(groupId: string, identityId: string): Promise<void> {
    await this.#redis.zrem(this.#keys.groupMembers(groupId), identityId);
    await this.#note(identityId, 'remove', groupId);
  }

  async memberIds(groupId: string): Promise<readonly string[]> {
    return this.#redis.zrange(this.#keys.groupMembers(groupId), 0, '-1');
  }

  async memberCount(groupId: string): Promise<number> {
    return this.#redis.zcard(this.#keys.groupMembers(groupId));
  }

  /** Things that have open updates which came through the group. */
  async busyThings(groupId: string): Promise<number> {
    const counts = await Promise.all(
      this.#shards.map((shard) => this.#redis.hlen(this.#keys.shard(shard).through(groupId))),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Each step can be done again; the last one lets the name go. */
  async #finishDeletion({ id, name }: Group): Promise<void> {
    await this.#redis.set(this.#keys.groupDeleted(id), '1', 'PX', DELETED_MS);
    const members = new Set([...(await this.memberIds(id)), ...(await this.#notedIds(id))]);
    await Promise.all([...members].map((member) => this.#note(member, 'remove', id)));
    await this.#redis.unlink(
      this.#keys.groupMembers(id),
      this.#keys.groupChoices(id),
      this.#keys.groupUse(id),
    );
    await runScript(this.#redis, END_GROUP_DELETION, this.#list, [id, name]);
  }

  /** Who is noted as a member, which an addition that was cut off may have left alone. */
  async #notedIds(groupId: string): Promise<readonly string[]> {
    const noted = await Promise.all(
      this.#shards.map((shard) =>
        this.#redis.zrange(this.#keys.shard(shard).grouped(groupId), 0, '-1'),
      ),
    );
    return noted.flat();
  }

  async #inDeletion(nameOrId: string): Promise<Group | undefined> {
    return this.#read(this.#keys.groupsInDeletion, nameOrId);
  }

  async #read(hash: string, nameOrId: string): Promise<Group | undefined> {
    const known = isGroupId(nameOrId)
      ? nameOrId
      : await this.#redis.hget(this.#keys.groupNames, nameOrId);
    return known === null ? undefined : parse(known, await this.#redis.hget(hash, known));
  }

  async #note(identityId: string, how: 'add' | 'remove', groupId: string): Promise<string> {
    const { lease } = this.#keys.shard(shardOf(identityId, this.#shardCount));
    const args = [identityId, how, MAX_GROUPS_OF_IDENTITY, groupId];
    return (await runScript(this.#redis, GROUP_IDENTITY, [lease], args)) as string;
  }

  get #shards(): readonly number[] {
    return Array.from({ length: this.#shardCount }, (_, shard) => shard);
  }

  get #list(): readonly [string, string, string, string] {
    const { groupNames, groupList, groupInfo: info, groupsInDeletion } = this.#keys;
    return [groupNames, groupList, info, groupsInDeletion];
  }
}

function parse(id: string, info: string | null): Group | undefined {
  return info === null ? undefined : { id, ...groupInfo.parse(JSON.parse(info)) };
}

function groupNotFound(nameOrId: string): CourierError {
  return new CourierError(
    'GROUP_NOT_FOUND',
    `No group is called "${nameOrId.slice(0, 64)}".`,
    'Look at groups, or make it with createGroup.',
  );
}

function full(message: string): CourierError {
  return new CourierError('GROUP_FULL', message, 'Use another group, or remove what is not used.');
}
