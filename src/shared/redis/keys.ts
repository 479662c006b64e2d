import { ShardKeys } from './shardKeys.ts';

/**
 * Every key of the product. All keys of a shard carry its hash tag `{<prefix>:s<shard>}`, so that
 * a Redis Cluster keeps a shard in one slot and a script never crosses slots. What spans shards
 * lies under tags of its own, one key an operation.
 */
export class Keys {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  shard(shard: number): ShardKeys {
    return new ShardKeys(`{${this.prefix}:s${shard}}`, shard);
  }

  /** Hash: what a deployment fixed at its first start (shard count). */
  get deployment(): string {
    return `{${this.prefix}:deployment}`;
  }

  /** Sorted set of worker names by last heartbeat, epoch milliseconds. */
  get members(): string {
    return `{${this.prefix}:fleet}:members`;
  }

  /** Hash: worker name to its description as JSON. */
  get memberInfo(): string {
    return `{${this.prefix}:fleet}:info`;
  }

  /** Hash: shard to the worker that an operator gave it to. */
  get placements(): string {
    return `{${this.prefix}:fleet}:placements`;
  }

  /** Set of workers that an operator drains. */
  get drains(): string {
    return `{${this.prefix}:fleet}:drains`;
  }

  /** Hash: what is paused to who paused it, why and since when, as JSON. */
  get pauses(): string {
    return `{${this.prefix}:fleet}:pauses`;
  }

  /** Hash: budgets and concurrency that operators set while the fleet runs. */
  get tuning(): string {
    return `{${this.prefix}:fleet}:tuning`;
  }

  /** Sorted set of the ids of API tokens by when they were made; the others' keys follow its tag. */
  get apiTokens(): string {
    return `{${this.prefix}:api-tokens}`;
  }

  /** Hash: the token bucket of a caller of the API. */
  callerBucket(digest: string): string {
    return `{${this.prefix}:caller:${digest}}`;
  }

  /** Hash: the name of a group to its id. */
  get groupNames(): string {
    return `{${this.prefix}:groups}:names`;
  }

  /** Sorted set of the names of groups, in the order of letters. */
  get groupList(): string {
    return `{${this.prefix}:groups}:list`;
  }

  /** Hash: a group's id to what is said of it, as JSON. */
  get groupInfo(): string {
    return `{${this.prefix}:groups}:info`;
  }

  /** Hash: the id of a group that is being deleted to what is said of it, as JSON. */
  get groupsInDeletion(): string {
    return `{${this.prefix}:groups}:in-deletion`;
  }

  /** Sorted set of the same groups by when their deletion was begun, epoch milliseconds. */
  get groupDeletions(): string {
    return `{${this.prefix}:groups}:deletions`;
  }

  /** String: that a group takes no member any more; expires. */
  groupDeleted(groupId: string): string {
    return `{${this.prefix}:group:${groupId}}:deleted`;
  }

  /** Sorted set of a group's members by when they were added, epoch milliseconds. */
  groupMembers(groupId: string): string {
    return `{${this.prefix}:group:${groupId}}:members`;
  }

  /** Hash: thing to `<member>|<version>`, the member that sends for it. */
  groupChoices(groupId: string): string {
    return `{${this.prefix}:group:${groupId}}:choices`;
  }

  /** Sorted set of the things that have a choice, by when it was last used, epoch milliseconds. */
  groupUse(groupId: string): string {
    return `{${this.prefix}:group:${groupId}}:use`;
  }

  /** String: the identity that a username is registered as; `digest` hides the name. */
  username(digest: string): string {
    return `{${this.prefix}:username:${digest}}`;
  }

  /** String: the identity that a Cognito identity id belongs to. */
  cognitoId(cognitoId: string): string {
    return `{${this.prefix}:cognito:${cognitoId}}`;
  }

  /** Hash: an idempotency record. */
  idempotency(digest: string): string {
    return `{${this.prefix}:idempotency:${digest}}`;
  }

  /** The hash tag of everything about webhooks; also BullMQ's key prefix. */
  get webhookTag(): string {
    return `{${this.prefix}:webhooks}`;
  }

  /** Hash: the webhooks as JSON, by id. */
  get webhooks(): string {
    return `${this.webhookTag}:all`;
  }

  /** Hash: deliveries of a webhook in a row that were given up. */
  get webhookFailures(): string {
    return `${this.webhookTag}:failures`;
  }

  /** Hash: a delivery. */
  webhookDelivery(id: string): string {
    return `${this.webhookTag}:delivery:${id}`;
  }

  /** Sorted set: the deliveries that have not ended, of all webhooks, by since when. */
  get webhookPending(): string {
    return `${this.webhookTag}:pending`;
  }

  /** Sorted set: the deliveries of a webhook by when they were made. */
  webhookDeliveries(webhookId: string): string {
    return `${this.webhookTag}:deliveries:${webhookId}`;
  }

  /** Stream: what happened in the fleet. */
  get fleetEvents(): string {
    return `{${this.prefix}:fleet}:events`;
  }

  /** Stream: what was done, by kind, so that none pushes another out. */
  audit(kind: string): string {
    return `{${this.prefix}:audit}:${kind}`;
  }

  /** Hash: what is being done and has no entry yet, by token. */
  get auditOpen(): string {
    return `{${this.prefix}:audit}:open`;
  }

  /** Sorted set: the tokens of what is being done, by when it began. */
  get auditOpened(): string {
    return `{${this.prefix}:audit}:opened`;
  }

  /** String: the id of the audit's last entry, of all kinds. */
  get auditLast(): string {
    return `{${this.prefix}:audit}:last`;
  }

  /** Hash: who observes presence, and since when. */
  get presenceObserver(): string {
    return `{${this.prefix}:presence}:observer`;
  }

  /** List: stretches of time in which nobody observed, as `from|to`; bounded. */
  get presenceGaps(): string {
    return `{${this.prefix}:presence}:gaps`;
  }

  /** Of a part of all MQTT clients: a hash of what is known, and their ids by their last change. */
  presence(bucket: number): {
    readonly clients: string;
    readonly online: string;
    readonly offline: string;
  } {
    const tag = `{${this.prefix}:presence:${bucket}}`;
    return { clients: `${tag}:clients`, online: `${tag}:online`, offline: `${tag}:offline` };
  }

  /** Hash: a batch's record, with its rows while they are being accepted. */
  batch(batchId: string): string {
    return `{${this.prefix}:batch:${batchId}}`;
  }

  /** Sorted set of batches by when they were accepted. */
  get batches(): string {
    return `{${this.prefix}:batches}:list`;
  }

  /** Sorted set of batches whose rows are being accepted, by since when. */
  get acceptingBatches(): string {
    return `{${this.prefix}:batches}:accepting`;
  }

  /** Hash: the record of an action on many updates. */
  bulkAction(id: string): string {
    return `{${this.prefix}:bulk:${id}}`;
  }

  /** Sorted set of actions on many updates by when they were started. */
  get bulkActions(): string {
    return `{${this.prefix}:bulks}:list`;
  }

  /** Sorted set of those that have not ended. */
  get runningBulkActions(): string {
    return `{${this.prefix}:bulks}:running`;
  }

  /** String: what was previewed under a token. */
  bulkPreview(token: string): string {
    return `{${this.prefix}:bulk-preview:${token}}`;
  }

  /** Hash: the token bucket of an account-wide budget. */
  budget(name: string): string {
    return `{${this.prefix}:budget:${name}}`;
  }
}

/** Into how many parts what is known of presence is divided; a client's is told by its id. */
export const PRESENCE_BUCKETS = 16;

/** In the slot of another key; nothing is ever stored under it. */
export function absentKey(key: string): string {
  return `${/^\{[^}]*\}/.exec(key)?.[0] ?? key}:absent`;
}
