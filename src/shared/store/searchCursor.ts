import { CourierError } from '../errors/courierError.ts';
import type { Place } from './shardScan.ts';

/** Where a page of a search ends, as text that callers hand back and look into at their own risk. */
export function cursorOf({ position, shard }: Place): string {
  return Buffer.from(`${position}:${shard}`).toString('base64url');
}

/** @throws PAGE_INVALID */
export function parseCursor(cursor: string): Place {
  const match = /^(\d{1,16}):(\d{1,4})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (match !== null) return { position: Number(match[1]), shard: Number(match[2]) };
  throw new CourierError(
    'PAGE_INVALID',
    'This is no cursor that a page of this list gave.',
    'Use the endCursor of the page before, or leave it out to begin.',
  );
}
