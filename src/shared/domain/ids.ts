import { hash, randomFillSync } from 'node:crypto';
import { encodeTime, monotonicFactory } from 'ulid';

/**
 * Ids sort by time and say where their record lies: an update's id begins with its shard, so that
 * one key look-up finds it. Both fit into a shadow client token (64 bytes).
 */
const ulid = monotonicFactory(randomFraction);

const BULK_ID = /^blk_[0-9A-HJKMNP-TV-Z]{26}$/;
const BATCH_ID = /^bat_[0-9A-HJKMNP-TV-Z]{26}$/;
const IDENTITY_ID = /^idn_[0-9A-HJKMNP-TV-Z]{26}$/;
const UPDATE_ID = /^upd_([0-9a-z]{1,4})_[0-9A-HJKMNP-TV-Z]{26}$/;

const pool = new Uint8Array(4096);
let taken = pool.length;

/** ulid asks for a byte at a time, and to fetch one costs more than the rest of an id together. */
function randomFraction(): number {
  if (taken === pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  const byte = pool[taken] ?? 0;
  taken += 1;
  return byte / 256;
}

export function newIdentityId(): string {
  return `idn_${ulid()}`;
}

export function isIdentityId(value: string): boolean {
  return IDENTITY_ID.test(value);
}

/** The id of a batch that was admitted then; the same name gives the same one. */
export function batchIdOf(at: number, hexName: string): string {
  return `bat_${derivedUlid(at, hexName)}`;
}

/** The id of an action that was previewed then; the same name gives the same one. */
export function bulkActionIdOf(at: number, hexName: string): string {
  return `blk_${derivedUlid(at, hexName)}`;
}

export function isBulkActionId(value: string): boolean {
  return BULK_ID.test(value);
}

/** A ULID of a time, with a hash in the place of what is random. */
function derivedUlid(at: number, hexName: string): string {
  return `${encodeTime(at)}${crockford(BigInt(`0x${hexName}`) & ((1n << 80n) - 1n), 16)}`;
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function crockford(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; text.length < length; rest >>= 5n) {
    text = `${CROCKFORD[Number(rest & 31n)]}${text}`;
  }
  return text;
}

export function isBatchId(value: string): boolean {
  return BATCH_ID.test(value);
}

/** The shard of an identity: stable for good while the deployment's shard count stands. */
export function shardOf(identityId: string, shardCount: number): number {
  return hash('sha256', identityId, 'buffer').readUInt32BE(0) % shardCount;
}

const GROUP_ID = /^grp_[0-9A-HJKMNP-TV-Z]{26}$/;

export function newGroupId(): string {
  return `grp_${ulid()}`;
}

export function isGroupId(value: string): boolean {
  return GROUP_ID.test(value);
}

export function newUpdateId(shard: number): string {
  return `${updateIdPrefix(shard)}${ulid()}`;
}

/** The id that an update has in another shard: the same row never gets two in one. */
export function updateIdIn(shard: number, updateId: string): string {
  return `${updateIdPrefix(shard)}${updateId.slice(updateId.lastIndexOf('_') + 1)}`;
}

/** What the ids of a shard's updates begin with. */
export function updateIdPrefix(shard: number): string {
  return `upd_${shard.toString(36)}_`;
}

/** The shard that an update's id names; undefined for what is not an update id. */
export function shardOfUpdate(updateId: string): number | undefined {
  const match = UPDATE_ID.exec(updateId);
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 36);
}
