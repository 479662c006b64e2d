import { expect } from 'vitest';
import { FINAL_PARTITIONS, OPEN_PARTITION } from '../../../src/shared/store/lua/indexFunctions.ts';
import { keysLike } from '../../support/servers.ts';
import { longField } from '../../../src/shared/store/lua/longFields.ts';
import type { ShardWorld } from './shardWorld.ts';

type Records = ReadonlyMap<string, Readonly<Record<string, string>>>;

const OPEN = ['QUEUED', 'HELD', 'IN_FLIGHT'];

/** Every update stands in the one set of its end, and in each list that it belongs to, once. */
export async function auditSearchIndex(world: ShardWorld, records: Records): Promise<void> {
  const sets: Record<string, string[]> = {};
  const lists: Record<string, string[]> = {};
  const inOrder = [...records].toSorted(([, a], [, b]) => Number(a.pos) - Number(b.pos));
  for (const [id, fields] of inOrder) {
    const entry = [fields.pos ?? '', id.slice(-26)];
    (sets[partitionOf(fields)] ??= []).push(...entry);
    for (const list of listsOf(fields)) (lists[list] ??= []).push(...entry);
  }
  const { redis, shardKeys } = world;
  const keys = (await keysLike(redis, `${shardKeys.tag}:i:*`)).map((key) =>
    key.slice(`${shardKeys.tag}:i:`.length),
  );
  const found: Record<string, string[]> = {};
  for (const partition of [OPEN_PARTITION, ...FINAL_PARTITIONS]) {
    const words = await redis.zrange(shardKeys.indexed(partition), 0, '-1', 'WITHSCORES');
    // Members come before their scores here.
    if (words.length > 0) found[partition] = words.map((_, at) => words[at ^ 1] ?? '');
  }
  expect(found, 'each update in the set of its end').toEqual(sets);
  const ofLists = keys.filter((key) => /^[toalb]:/.test(key));
  const held = await Promise.all(
    ofLists.map(async (key) => [key, await redis.lrange(`${shardKeys.tag}:i:${key}`, 0, '-1')]),
  );
  expect(Object.fromEntries(held), 'each update in the lists of what it has').toEqual(lists);
}

function partitionOf(fields: Readonly<Record<string, string>>): string {
  const { state = '' } = fields;
  const failure = longField(fields, 'failure');
  if (OPEN.includes(state)) return OPEN_PARTITION;
  if (state !== 'FAILED' || failure === undefined) return state;
  const { code } = JSON.parse(failure) as { code?: string };
  return code === undefined ? state : `${state}:${code}`;
}

function listsOf(fields: Readonly<Record<string, string>>): string[] {
  const labels = (fields.labels ?? '').split(',').filter((label) => label !== '');
  return [
    `t:${fields.thing}`,
    `o:${fields.identity}`,
    `a:${fields.actor}`,
    ...labels.map((label) => `l:${label}`),
    ...(fields.batch === undefined ? [] : [`b:${fields.batch}`]),
  ];
}
