import { isIdentityId, shardOf } from '../domain/ids.ts';
import { searchText } from '../domain/searchText.ts';
import { MAX_TAGS } from '../domain/tags.ts';
import { CourierError } from '../errors/courierError.ts';
import type { ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript, type Script, type ScriptArgument } from '../redis/script.ts';
import { IdentityRemovals, type Removal, type RemovalOrder } from './identityRemovals.ts';
import { RENAME_IDENTITY, TAG_IDENTITY } from './lua/identityEditScripts.ts';
import { identityNotFound } from './updateIntake.ts';

interface Settings {
  readonly shardCount: number;
  readonly retentionMs: number;
}

/** What operators may change of identities that are registered. */
export class IdentityEditor {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #removals: IdentityRemovals;
  readonly #settings: Settings;

  constructor(redis: RedisClient, keys: Keys, queues: ShardQueues, settings: Settings) {
    this.#redis = redis;
    this.#keys = keys;
    this.#removals = new IdentityRemovals(redis, keys, queues, settings.shardCount);
    this.#settings = settings;
  }

  /** Calls it something else; nothing where the label is absent. @throws IDENTITY_NOT_FOUND */
  async rename(identityId: string, label: string | undefined): Promise<void> {
    const text = label ?? '';
    const done = await this.#run(RENAME_IDENTITY, identityId, [text, searchText(text)]);
    if (done !== 1) throw identityNotFound(identityId);
  }

  /** @throws IDENTITY_NOT_FOUND, TAGS_INVALID where it would have too many. */
  async tag(identityId: string, how: 'add' | 'remove', tags: readonly string[]): Promise<void> {
    const unique = [...new Set(tags)];
    const done = await this.#run(TAG_IDENTITY, identityId, [how, MAX_TAGS, ...unique]);
    if (done === 'missing') throw identityNotFound(identityId);
    if (done !== 'too-many') return;
    throw new CourierError(
      'TAGS_INVALID',
      `${identityId} would have more than ${MAX_TAGS} tags.`,
      'Take some away first, with untagIdentities.',
    );
  }

  /**
   * Removes an identity with its secret: nothing more is accepted for it, what waits is canceled,
   * its connection closes. Its username can be registered again, as another identity. Where this
   * is cut off, the owner of its shard ends it, or at once whoever does it again or registers the
   * username; updates whose turn comes before that end as IDENTITY_REMOVED.
   * @throws IDENTITY_NOT_FOUND, IDENTITY_HAS_PENDING
   */
  async remove(identityId: string, order: RemovalOrder): Promise<Removal> {
    if (!isIdentityId(identityId)) throw identityNotFound(identityId);
    return this.#removals.remove(identityId, order, this.#settings.retentionMs);
  }

  #run(script: Script, identityId: string, args: readonly ScriptArgument[]): Promise<unknown> {
    if (!isIdentityId(identityId)) throw identityNotFound(identityId);
    const { lease } = this.#keys.shard(shardOf(identityId, this.#settings.shardCount));
    return runScript(this.#redis, script, [lease], [identityId, ...args]);
  }
}
