import { z } from 'zod';
import type { Group } from '../domain/group.ts';
import { isGroupId } from '../domain/ids.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';

const groupInfo = z.object({
  name: z.string(),
  description: z.string().optional(),
  createdAt: z.number(),
  createdBy: z.string(),
});

/** Reads a group by its id or its name, from the hash of those that are there or another one. */
export async function readGroup(
  redis: RedisClient,
  keys: Keys,
  hash: string,
  nameOrId: string,
): Promise<Group | undefined> {
  const known = isGroupId(nameOrId) ? nameOrId : await redis.hget(keys.groupNames, nameOrId);
  if (known === null) return undefined;
  const info = await redis.hget(hash, known);
  return info === null ? undefined : parseGroup(known, info);
}

/** @param info What is said of it, as JSON. */
export function parseGroup(id: string, info: string): Group {
  return { id, ...groupInfo.parse(JSON.parse(info)) };
}
