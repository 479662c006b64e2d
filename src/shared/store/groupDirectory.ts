import type { Group } from '../domain/group.ts';
import { isGroupId, newGroupId } from '../domain/ids.ts';
import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { GroupDeletions } from './groupDeletions.ts';
import { GroupMembership, MAX_GROUPS_OF_IDENTITY } from './groupMembership.ts';
import { parseGroup, readGroup } from './groupRecord.ts';
import { ADD_MEMBER, CHANGE_GROUP, CREATE_GROUP } from './lua/groupScripts.ts';
import { identityNotFound } from './updateIntake.ts';

const MAX_GROUPS = 10_000;
/** A choice among more would cost more than it spreads. */
export const MAX_MEMBERS = 1000;

/** What to change of a group; what is absent stays. */
export interface GroupChange {
  readonly name?: string | undefined;
  /** null for none any more. */
  readonly description?: string | null | undefined;
}

export interface GroupPage {
  readonly groups: readonly Group[];
  readonly hasMore: boolean;
}

/** The groups of a deployment and their members; `GroupRouter` finds who of them sends. */
export class GroupDirectory {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;
  readonly #membership: GroupMembership;
  readonly #deletions: GroupDeletions;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
    this.#membership = new GroupMembership(redis, keys, shardCount);
    this.#deletions = new GroupDeletions(redis, keys, shardCount);
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
      await this.#freeName(name);
      id = (await runScript(this.#redis, CREATE_GROUP, this.#list, args)) as string;
    }
    if (id === 'full') throw full(`There are ${MAX_GROUPS} groups, and no room for more.`);
    if (isGroupId(id)) return { id, ...info };
    throw groupExists(name);
  }

  /**
   * Its id stays, and so does what goes by it: members, choices, pauses, updates. Ends the deletion
   * of one of the new name that was cut off.
   * @returns the group as it was, and as it is. @throws GROUP_NOT_FOUND, GROUP_EXISTS
   */
  async change(nameOrId: string, change: GroupChange): Promise<readonly [Group, Group]> {
    const { id } = await this.require(nameOrId);
    const { name = '', description } = change;
    const how = description === undefined ? 'keep' : description === null ? 'drop' : 'set';
    const args = [id, name, how, description ?? ''];
    let done = await runScript(this.#redis, CHANGE_GROUP, this.#list, args);
    if (done === 'deleting') {
      await this.#freeName(name);
      done = await runScript(this.#redis, CHANGE_GROUP, this.#list, args);
    }
    if (done === 'gone') throw groupNotFound(nameOrId);
    if (typeof done === 'string') throw groupExists(name);
    const [before, after] = done as [string, string];
    return [parseGroup(id, before), parseGroup(id, after)];
  }

  /** By its id or its name. @throws GROUP_NOT_FOUND */
  async require(nameOrId: string): Promise<Group> {
    const group = await this.find(nameOrId);
    if (group === undefined) throw groupNotFound(nameOrId);
    return group;
  }

  /** As `require`, and finds what a deletion that was cut off left, too. @throws GROUP_NOT_FOUND */
  async requireToDelete(nameOrId: string): Promise<Group> {
    const group = (await this.find(nameOrId)) ?? (await this.#deletions.find(nameOrId));
    if (group === undefined) throw groupNotFound(nameOrId);
    return group;
  }

  async find(nameOrId: string): Promise<Group | undefined> {
    return readGroup(this.#redis, this.#keys, this.#keys.groupInfo, nameOrId);
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
   * off, nobody finds the group any more, and the fleet ends it, or whoever does it again, by its id
   * or its name.
   * @throws GROUP_NOT_FOUND
   */
  async delete(nameOrId: string): Promise<Group> {
    const group = await this.requireToDelete(nameOrId);
    await this.#deletions.begin(group);
    await this.#deletions.finish(group.id);
    return group;
  }

  /** Does nothing where it is a member. @throws IDENTITY_NOT_FOUND, GROUP_NOT_FOUND, GROUP_FULL */
  async add(groupId: string, identityId: string): Promise<void> {
    // Noted first: a member that nobody routes to is harmless, one that is not shown is not.
    const noted = await this.#membership.note(groupId, identityId, 'add');
    if (noted !== 'done') throw notNoted(noted, identityId);
    const members = [this.#keys.groupMembers(groupId), this.#keys.groupDeleted(groupId)];
    const added = await runScript(this.#redis, ADD_MEMBER, members, [identityId, MAX_MEMBERS]);
    // A removal, of it from the group or altogether, may have come before the member and found none.
    const agreed = await this.#membership.agree(groupId, identityId);
    if (added === 'deleted') throw groupNotFound(groupId);
    if (added === 'full') throw full(`The group has ${MAX_MEMBERS} members already.`);
    if (agreed !== 'done') throw notNoted(agreed, identityId);
  }

  /** Does nothing where it is no member. What it has open stays its own to end. */
  async remove(groupId: string, identityId: string): Promise<void> {
    await this.#membership.leave(groupId, identityId);
    await this.#membership.agree(groupId, identityId);
  }

  /** Ends additions and removals that were cut off. @returns of how many identities. */
  async mend(groupId: string): Promise<number> {
    const ids = await this.#membership.disagreeing(groupId);
    await Promise.all(ids.map((id) => this.#membership.agree(groupId, id)));
    return ids.length;
  }

  async memberIds(groupId: string): Promise<readonly string[]> {
    return this.#membership.memberIds(groupId);
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

  /** Ends the deletion of a group of this name that was cut off. */
  async #freeName(name: string): Promise<void> {
    const dying = await this.#deletions.find(name);
    if (dying !== undefined) await this.#deletions.finish(dying.id);
  }

  get #shards(): readonly number[] {
    return Array.from({ length: this.#shardCount }, (_, shard) => shard);
  }

  get #list(): readonly string[] {
    const { groupNames, groupList, groupInfo: info, groupsInDeletion } = this.#keys;
    return [groupNames, groupList, info, groupsInDeletion];
  }
}

function groupExists(name: string): CourierError {
  return new CourierError(
    'GROUP_EXISTS',
    `A group is called ${name} already.`,
    'Use that group, or another name.',
  );
}

function groupNotFound(nameOrId: string): CourierError {
  return new CourierError(
    'GROUP_NOT_FOUND',
    `No group is called "${nameOrId.slice(0, 64)}".`,
    'Look at groups, or make it with createGroup.',
  );
}

function notNoted(why: 'missing' | 'too-many', identityId: string): CourierError {
  if (why === 'missing') return identityNotFound(identityId);
  return full(`${identityId} is in ${MAX_GROUPS_OF_IDENTITY} groups already.`);
}

function full(message: string): CourierError {
  return new CourierError('GROUP_FULL', message, 'Use another group, or remove what is not used.');
}
