import { shardOf } from '../domain/ids.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { GROUP_IDENTITY } from './lua/identityEditScripts.ts';

export const MAX_GROUPS_OF_IDENTITY = 50;

/** 'missing' where the identity is gone. */
type Noted = 'done' | 'missing' | 'too-many';

/**
 * That an identity is a member of a group stands in two slots: with the group, which counts, and as
 * a note with the identity, which is what is shown of it and what its removal goes by.
 */
export class GroupMembership {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shardCount: number;

  constructor(redis: RedisClient, keys: Keys, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shardCount = shardCount;
  }

  /** Notes that it is one, or that it is none. */
  async note(groupId: string, identityId: string, how: 'add' | 'remove'): Promise<Noted> {
    const { lease } = this.#keys.shard(shardOf(identityId, this.#shardCount));
    const args = [identityId, how, MAX_GROUPS_OF_IDENTITY, groupId];
    return (await runScript(this.#redis, GROUP_IDENTITY, [lease], args)) as Noted;
  }

  /**
   * Has the note say what the group says, whoever adds or removes meanwhile: what it was written by
   * is looked at once more behind it. A member that is gone, or has no room for the note, leaves
   * the group.
   */
  async agree(groupId: string, identityId: string): Promise<Noted> {
    for (;;) {
      const isMember = await this.isMember(groupId, identityId);
      const noted = await this.note(groupId, identityId, isMember ? 'add' : 'remove');
      if (noted !== 'done') {
        await this.leave(groupId, identityId);
        return noted;
      }
      if ((await this.isMember(groupId, identityId)) === isMember) return noted;
    }
  }

  /** What additions and removals that were cut off left: the one is there without the other. */
  async disagreeing(groupId: string): Promise<readonly string[]> {
    const members = new Set(await this.memberIds(groupId));
    const noted = new Set(await this.notedIds(groupId));
    return [
      ...[...members].filter((id) => !noted.has(id)),
      ...[...noted].filter((id) => !members.has(id)),
    ];
  }

  /** Those that were added first come first. */
  async memberIds(groupId: string): Promise<readonly string[]> {
    return this.#redis.zrange(this.#keys.groupMembers(groupId), 0, '-1');
  }

  /** Over all shards. */
  async notedIds(groupId: string): Promise<readonly string[]> {
    const shards = Array.from({ length: this.#shardCount }, (_, shard) => shard);
    const noted = await Promise.all(
      shards.map((shard) => this.#redis.zrange(this.#keys.shard(shard).grouped(groupId), 0, '-1')),
    );
    return noted.flat();
  }

  /** The note stays to be taken away. */
  async leave(groupId: string, identityId: string): Promise<void> {
    await this.#redis.zrem(this.#keys.groupMembers(groupId), identityId);
  }

  async isMember(groupId: string, identityId: string): Promise<boolean> {
    return (await this.#redis.zscore(this.#keys.groupMembers(groupId), identityId)) !== null;
  }
}
