import type { Identity } from '../domain/identity.ts';
import { isIdentityId, shardOf } from '../domain/ids.ts';
import { searchText } from '../domain/searchText.ts';
import { MAX_TAGS, parseWords } from '../domain/tags.ts';
import { CourierError } from '../errors/courierError.ts';
import type { ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript, type Script, type ScriptArgument } from '../redis/script.ts';
import type { FleetControl } from './fleetControl.ts';
import type { GroupDirectory } from './groupDirectory.ts';
import { usernameDigest } from './usernameDigest.ts';
import {
  CANCEL_OF_IDENTITY,
  REMOVE_IDENTITY,
  RENAME_IDENTITY,
  TAG_IDENTITY,
} from './lua/identityEditScripts.ts';
import { DELETE_RECORD } from './lua/recordScripts.ts';
import { identityNotFound } from './updateIntake.ts';

/** What became of the updates of an identity that was removed. */
export interface Removal {
  readonly username: string;
  /** Updates that were taken back. */
  readonly canceled: number;
  /** Updates that are being published, and end by themselves. */
  readonly inFlight: number;
}

export interface RemovalOrder {
  /** What is to happen with updates that have not ended. */
  readonly pending: 'REFUSE' | 'CANCEL';
  readonly actor: string;
  readonly reason: string;
}

/** Updates that one script cancels. */
const CANCELED_A_SCRIPT = 500;

interface Settings {
  readonly shardCount: number;
  readonly retentionMs: number;
}

/** What operators may change of identities that are registered. */
export class IdentityEditor {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queues: ShardQueues;
  readonly #fleet: FleetControl;
  readonly #groups: GroupDirectory;
  readonly #settings: Settings;

  constructor(
    redis: RedisClient,
    keys: Keys,
    queues: ShardQueues,
    others: { readonly fleetControl: FleetControl; readonly groups: GroupDirectory },
    settings: Settings,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queues = queues;
    this.#fleet = others.fleetControl;
    this.#groups = others.groups;
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
   * is cut off, updates that still wait end as IDENTITY_REMOVED when it is their turn.
   * @throws IDENTITY_NOT_FOUND, IDENTITY_HAS_PENDING
   */
  async remove(identity: Identity, order: RemovalOrder): Promise<Removal> {
    const { id } = identity;
    const answer = await this.#run(REMOVE_IDENTITY, id, [order.pending === 'CANCEL' ? '1' : '0']);
    const [verdict, open, username = '', cognitoId = '', groups] = answer as string[];
    if (verdict === 'missing') throw identityNotFound(id);
    if (verdict === 'pending') throw hasPending(identity, Number(open));
    const canceled = await this.#cancelAll(id, order);
    await this.#deleteRecord(this.#keys.username(usernameDigest(username)), id);
    if (cognitoId !== '') await this.#deleteRecord(this.#keys.cognitoId(cognitoId), id);
    await Promise.all(parseWords(groups).map((group) => this.#groups.remove(group, id)));
    await this.#fleet.connections('close', [id]);
    return { username, canceled, inFlight: Math.max(0, Number(open) - canceled) };
  }

  async #cancelAll(id: string, { actor, reason }: RemovalOrder): Promise<number> {
    const { retentionMs } = this.#settings;
    const shard = shardOf(id, this.#settings.shardCount);
    let canceled = 0;
    for (let count = CANCELED_A_SCRIPT; count === CANCELED_A_SCRIPT; canceled += count) {
      const args = [actor, reason, retentionMs, CANCELED_A_SCRIPT];
      const [ended, ...jobs] = (await this.#run(CANCEL_OF_IDENTITY, id, args)) as string[];
      count = Number(ended);
      await Promise.all([...new Set(jobs)].map((job) => this.#queues.promote(shard, job)));
    }
    return canceled;
  }

  async #deleteRecord(key: string, identityId: string): Promise<void> {
    await runScript(this.#redis, DELETE_RECORD, [key], [identityId]);
  }

  #run(script: Script, identityId: string, args: readonly ScriptArgument[]): Promise<unknown> {
    if (!isIdentityId(identityId)) throw identityNotFound(identityId);
    const { lease } = this.#keys.shard(shardOf(identityId, this.#settings.shardCount));
    return runScript(this.#redis, script, [lease], [identityId, ...args]);
  }
}

function hasPending({ username }: Identity, open: number): CourierError {
  return new CourierError(
    'IDENTITY_HAS_PENDING',
    `${username} has ${open} ${open === 1 ? 'update that has' : 'updates that have'} not ended.`,
    'Wait for them, or remove it with pending: CANCEL, which takes back those that wait.',
  );
}
