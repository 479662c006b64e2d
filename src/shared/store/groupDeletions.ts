import type { Group } from '../domain/group.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { GroupMembership } from './groupMembership.ts';
import { readGroup } from './groupRecord.ts';
import { BEGIN_GROUP_DELETION, END_GROUP_DELETION } from './lua/groupScripts.ts';
import { postponeIn, stalledIn } from './stalled.ts';

/** For how long whoever looked a deleted group up before is kept from adding to it. */
const DELETED_MS = 3_600_000;

/**
 * Deletions of groups. A group goes out of sight first, and is listed until nothing is left of it;
 * each step in between can be done again, by anybody.
 */
export class GroupDeletions {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #membership: GroupMembership;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#membership = new GroupMembership(redis, keys, shardCount);
  }

  async begin({ id }: Group): Promise<void> {
    await runScript(this.#redis, BEGIN_GROUP_DELETION, this.#list, [id]);
  }

  /** The last step lets the name go. Does nothing where none is under way. */
  async finish(id: string): Promise<void> {
    const group = await this.find(id);
    if (group === undefined) return;
    await this.#redis.set(this.#keys.groupDeleted(id), '1', 'PX', DELETED_MS);
    await this.#redis.unlink(
      this.#keys.groupMembers(id),
      this.#keys.groupChoices(id),
      this.#keys.groupUse(id),
    );
    // Behind the members, by which additions that are under way judge whether to note theirs.
    const noted = await this.#membership.notedIds(id);
    await Promise.all(noted.map((member) => this.#membership.note(id, member, 'remove')));
    await runScript(this.#redis, END_GROUP_DELETION, this.#list, [id, group.name]);
  }

  /** One that is under way, by the group's id or name. */
  async find(nameOrId: string): Promise<Group | undefined> {
    return readGroup(this.#redis, this.#keys, this.#keys.groupsInDeletion, nameOrId);
  }

  /** The ids of groups whose deletion was cut off so long ago at least. */
  stalled(patienceMs: number, limit: number): Promise<readonly string[]> {
    return stalledIn(this.#redis, this.#keys.groupDeletions, patienceMs, limit);
  }

  async postpone(groupId: string): Promise<void> {
    await postponeIn(this.#redis, this.#keys.groupDeletions, groupId);
  }

  get #list(): readonly string[] {
    const { groupNames, groupList, groupInfo, groupsInDeletion, groupDeletions } = this.#keys;
    return [groupNames, groupList, groupInfo, groupsInDeletion, groupDeletions];
  }
}
