export const DELIVER_QUEUE = 'deliver';

/** The keys of one shard, all in one slot. */
export class ShardKeys {
  /** The hash tag, braces included; also BullMQ's key prefix. */
  readonly tag: string;
  readonly shard: number;

  constructor(tag: string, shard: number) {
    this.tag = tag;
    this.shard = shard;
  }

  /** Hash: holder, token, epoch, expiresAt. */
  get lease(): string {
    return `${this.tag}:lease`;
  }

  /** Sorted set of lane ids that are not empty, by when their head was accepted. */
  get lanes(): string {
    return `${this.tag}:lanes`;
  }

  /** Hash: lane id to `reason|until`, for lanes whose head waits. */
  get waiting(): string {
    return `${this.tag}:waiting`;
  }

  /** Hash: how far the shard's events were handed to webhooks. */
  get webhookTail(): string {
    return `${this.tag}:webhook-tail`;
  }

  /** Stream: what happened in the shard. */
  get events(): string {
    return `${this.tag}:events`;
  }

  /** Hash: counters of updates by state. */
  get counts(): string {
    return `${this.tag}:counts`;
  }

  /** Sorted set of identity ids by when they were registered. */
  get identities(): string {
    return `${this.tag}:identities`;
  }

  /** The same for the identities of one status. */
  identitiesOf(status: string): string {
    return `${this.tag}:identities:${status}`;
  }

  /** The same for the identities that carry a tag. */
  tagged(tag: string): string {
    return `${this.tag}:tagged:${tag}`;
  }

  /** The same for the identities that are members of a group. */
  grouped(groupId: string): string {
    return `${this.tag}:grouped:${groupId}`;
  }

  /** Hash: tag to how many identities carry it. */
  get identityTags(): string {
    return `${this.tag}:identity-tags`;
  }

  /** Sorted set in the order of letters: usernames as they are searched, a zero byte, the id. */
  get identityNames(): string {
    return `${this.tag}:identity-names`;
  }

  /** The same of labels. */
  get identityLabels(): string {
    return `${this.tag}:identity-labels`;
  }

  /** Sorted set of quarantined identity ids by when their probe is due. */
  get quarantined(): string {
    return `${this.tag}:quarantined`;
  }

  /** Sorted set of updates that failed or expired by when, bounded. */
  get dead(): string {
    return `${this.tag}:dead`;
  }

  /** Sorted set of updates by their deadline; those that ended before it stay until it passes. */
  get expiring(): string {
    return `${this.tag}:expiring`;
  }

  /** Sorted set of updates that must not begin yet, by when they may; they are in no lane. */
  get scheduled(): string {
    return `${this.tag}:scheduled`;
  }

  /** Set: the scheduled updates of an identity. */
  scheduledOf(identityId: string): string {
    return `${this.tag}:scheduled-of:${identityId}`;
  }

  /** String: up to which version the choice of this member for a thing is void. */
  sealed(groupId: string, identityId: string, thing: string): string {
    return `${this.tag}:sealed:${groupId}/${identityId}/${thing}`;
  }

  /** Hash: `<identity>/<thing>` to how many open updates came through a group. */
  through(groupId: string): string {
    return `${this.tag}:through:${groupId}`;
  }

  /** Sorted set of the search index: updates of this end (or open) by their position. */
  indexed(partition: string): string {
    return `${this.tag}:i:s:${partition}`;
  }

  /** List: pairs of position and id of a batch's updates here. */
  updatesOfBatch(batchId: string): string {
    return `${this.tag}:i:b:${batchId}`;
  }

  /** Hash: the counters of a batch's part in this shard. */
  batch(batchId: string): string {
    return `${this.tag}:batch:${batchId}`;
  }

  /** Hash: how far an action on many updates is in this shard. */
  bulkAction(id: string): string {
    return `${this.tag}:bulk:${id}`;
  }

  /** Set: batches whose part here has ended, for the sweep to look whether the whole has. */
  get batchEnds(): string {
    return `${this.tag}:batch-ends`;
  }

  /** String: the answer to somebody who waits for it, empty until it is there. */
  answer(id: string): string {
    return `${this.tag}:answer:${id}`;
  }

  /** List: the updates that repeat this one. */
  replays(updateId: string): string {
    return `${this.tag}:replays:${updateId}`;
  }

  /** Hash: an update's record. */
  update(id: string): string {
    return `${this.tag}:update:${id}`;
  }

  /** List: a lane's update ids, head first. */
  lane(laneId: string): string {
    return `${this.tag}:lane:${laneId}`;
  }

  /** Set: the lanes of an identity that are not empty. */
  lanesOf(identityId: string): string {
    return `${this.tag}:lanes-of:${identityId}`;
  }

  /** Hash: an identity's record. */
  identity(id: string): string {
    return `${this.tag}:identity:${id}`;
  }

  /** Hash: what is left to do for an identity's removal; that it ended, which expires. */
  removed(identityId: string): string {
    return `${this.tag}:removed:${identityId}`;
  }

  /** Sorted set of identities whose removal is under way, by its last step, epoch milliseconds. */
  get removals(): string {
    return `${this.tag}:removals`;
  }

  /** String: an identity's encrypted password or refresh token. */
  secret(identityId: string): string {
    return `${this.tag}:secret:${identityId}`;
  }

  /** String: an identity's encrypted tokens and temporary credentials. */
  credentials(identityId: string): string {
    return `${this.tag}:credentials:${identityId}`;
  }

  /** Hash: the owner's view of an identity's connection. */
  connection(identityId: string): string {
    return `${this.tag}:connection:${identityId}`;
  }

  /** What all keys of BullMQ's queue of this shard begin with. */
  get queue(): string {
    return `${this.tag}:${DELIVER_QUEUE}`;
  }
}
