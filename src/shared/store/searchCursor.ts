import { pageCursor, placeOf } from './pageCursor.ts';
import type { Place } from './shardScan.ts';

/** Where a page of a search ends. */
export function cursorOf({ position, shard }: Place): string {
  return pageCursor(`${position}:${shard}`);
}

/** @throws PAGE_INVALID */
export function parseCursor(cursor: string): Place {
  const [, position, shard] = placeOf(cursor, /^(\d{1,16}):(\d{1,4})$/);
  return { position: Number(position), shard: Number(shard) };
}
