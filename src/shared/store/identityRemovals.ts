import { shardOf } from '../domain/ids.ts';
import { parseWords } from '../domain/tags.ts';
import { CourierError } from '../errors/courierError.ts';
import type { ShardQueues } from '../queue/shardQueues.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript, type Script, type ScriptArgument } from '../redis/script.ts';
import { FleetControl } from './fleetControl.ts';
import { CANCEL_OF_IDENTITY, END_REMOVAL, REMOVE_IDENTITY } from './lua/identityRemovalScripts.ts';
import { DELETE_RECORD } from './lua/recordScripts.ts';
import { postponeIn, stalledIn } from './stalled.ts';
import { identityNotFound } from './updateIntake.ts';
import { usernameDigest } from './usernameDigest.ts';

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
/** For how long whoever looked an identity up before its removal is kept from making it anew. */
const REMOVED_MS = 3_600_000;

/**
 * Removals of identities. The record gives way to a note of what is left to do, in one script, and
 * each step after it can be done again, by anybody, until the note says that nothing is left. Until
 * then the identity is listed in its shard, whose owner ends what was cut off.
 */
export class IdentityRemovals {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #queues: ShardQueues;
  readonly #shardCount: number;
  readonly #fleet: FleetControl;

  constructor(redis: RedisClient, keys: Keys, queues: ShardQueues, shardCount: number) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queues = queues;
    this.#shardCount = shardCount;
    this.#fleet = new FleetControl(redis, keys, queues, shardCount);
  }

  /**
   * Removes an identity, or ends a removal of it that was cut off, as that was ordered.
   * @param retentionMs for how long the records of canceled updates are kept.
   * @throws IDENTITY_NOT_FOUND, IDENTITY_HAS_PENDING
   */
  async remove(id: string, order: RemovalOrder, retentionMs: number): Promise<Removal> {
    const { pending, actor, reason } = order;
    const args = [pending === 'CANCEL' ? '1' : '0', actor, reason, retentionMs];
    const answer = await this.#run(REMOVE_IDENTITY, id, args);
    const [verdict, open, username = ''] = answer as string[];
    if (verdict === 'missing') throw identityNotFound(id);
    if (verdict === 'pending') throw hasPending(username, Number(open));
    const canceled = await this.finish(id);
    return { username, canceled, inFlight: Math.max(0, Number(open) - canceled) };
  }

  /** Ends a removal; nothing where none is to be ended. @returns how many updates it canceled. */
  async finish(id: string): Promise<number> {
    const removed = this.#keys.shard(this.#shardOf(id)).removed(id);
    const note = await this.#redis.hgetall(removed);
    const { username, cognitoId = '', groups, actor = '', reason = '', retentionMs = '0' } = note;
    if (username === undefined) return 0;
    const canceled = await this.#cancelAll(id, [actor, reason, retentionMs]);
    await this.#fleet.connections('close', [id]);
    await Promise.all(
      parseWords(groups).map((group) => this.#redis.zrem(this.#keys.groupMembers(group), id)),
    );
    if (cognitoId !== '') await this.#deleteRecord(this.#keys.cognitoId(cognitoId), id);
    // Last of the keys: whoever registers it anew finds all else free.
    await this.#deleteRecord(this.#keys.username(usernameDigest(username)), id);
    await this.#run(END_REMOVAL, id, [REMOVED_MS]);
    return canceled;
  }

  /** The identities of a shard whose removal was cut off so long ago at least. */
  stalled(shard: number, patienceMs: number, limit: number): Promise<readonly string[]> {
    return stalledIn(this.#redis, this.#keys.shard(shard).removals, patienceMs, limit);
  }

  async postpone(id: string): Promise<void> {
    await postponeIn(this.#redis, this.#keys.shard(this.#shardOf(id)).removals, id);
  }

  async #cancelAll(id: string, order: readonly string[]): Promise<number> {
    const shard = this.#shardOf(id);
    let canceled = 0;
    for (let count = CANCELED_A_SCRIPT; count === CANCELED_A_SCRIPT; canceled += count) {
      const args = [...order, CANCELED_A_SCRIPT];
      const [ended, ...jobs] = (await this.#run(CANCEL_OF_IDENTITY, id, args)) as string[];
      count = Number(ended);
      await Promise.all([...new Set(jobs)].map((job) => this.#queues.promote(shard, job)));
    }
    return canceled;
  }

  async #deleteRecord(key: string, identityId: string): Promise<void> {
    await runScript(this.#redis, DELETE_RECORD, [key], [identityId]);
  }

  #shardOf(id: string): number {
    return shardOf(id, this.#shardCount);
  }

  #run(script: Script, id: string, args: readonly ScriptArgument[]): Promise<unknown> {
    const { lease } = this.#keys.shard(this.#shardOf(id));
    return runScript(this.#redis, script, [lease], [id, ...args]);
  }
}

function hasPending(username: string, open: number): CourierError {
  return new CourierError(
    'IDENTITY_HAS_PENDING',
    `${username} has ${open} ${open === 1 ? 'update that has' : 'updates that have'} not ended.`,
    'Wait for them, or remove it with pending: CANCEL, which takes back those that wait.',
  );
}
