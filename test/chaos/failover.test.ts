import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Redis } from 'ioredis';
import { shardOfUpdate } from '../../src/shared/domain/ids.ts';
import { type RedisServer, startRedis } from '../support/redisServer.ts';
import { Aws } from '../workers/support/aws.ts';
import { Fleet, QUICK_CONNECTS } from '../workers/support/fleet.ts';
import { Switchboard } from './support/switchboard.ts';

const IDENTITIES = 6;
const ROUNDS = 10;

let primary: RedisServer;
let replica: RedisServer;
let board: Switchboard;
let aws: Aws;
let fleet: Fleet;

beforeAll(async () => {
  primary = await startRedis({ aof: 'always' });
  replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  board = await Switchboard.start(primary.port);
  aws = await Aws.start(QUICK_CONNECTS);
  fleet = new Fleet(board.url, aws);
});

afterAll(async () => {
  await fleet?.stop();
  await aws?.stop();
  await board?.stop();
  await Promise.all([primary, replica].map((server) => server?.stop()));
});

test('a failover loses what the replica had not got, and nothing else', async () => {
  await fleet.workerProcess();
  const members = await Promise.all(Array.from({ length: IDENTITIES }, () => fleet.active()));
  await aws.deviceFaults({ delayAcceptedMs: { min: 300, max: 400 } });
  const send = async (from: number) => {
    const ids: string[] = [];
    for (let step = from; step < from + ROUNDS; step += 1) {
      const round = members.map(({ id: identityId }, owner) => ({
        identityId,
        thing: `device_failover_${owner}`,
        desired: { step },
      }));
      ids.push(...(await fleet.sendAll(round)));
    }
    return ids;
  };

  const kept = await send(0);
  expect(await primary.connect().wait(1, 10_000)).toBe(1);
  // From here on the primary is cut off from its replica, and still acknowledges.
  const successor = replica.connect();
  await successor.replicaof('NO', 'ONE');
  const tail = await send(ROUNDS);
  await fleet.succeeded(kept.at(-1) ?? '');
  await primary.kill();
  board.switchTo(replica.port);
  await aws.deviceFaults({});

  for (const id of kept) await fleet.succeeded(id);
  const after = await send(2 * ROUNDS);
  for (const id of after) await fleet.succeeded(id);
  const lost = await missing(successor, tail);
  expect(lost).toEqual(tail);
  const ledger = await aws.ledger();
  const times = (ids: readonly string[]) =>
    ids.map((id) => ledger.filter(({ clientToken }) => clientToken === id).length);
  for (const count of times([...kept, ...after])) expect(count).toBeGreaterThan(0);
  for (const count of times(after)) expect(count).toBe(1);
  // What ended in the tail is pending again, and its job taken for running.
  expect(times(kept).some((count) => count > 1)).toBe(true);
  for (const [owner, { cognitoId }] of members.entries()) {
    const last = ledger.findLast(({ thing }) => thing === `device_failover_${owner}`);
    expect(last?.desired).toEqual({ step: 3 * ROUNDS - 1 });
    // A failover of Redis is no reason to give a connection up.
    expect(await aws.connects(cognitoId)).toHaveLength(1);
  }
  const rows = {
    'acknowledged before the cut, and lost': (await missing(successor, kept)).length,
    'published again, since their end was in the tail': times(kept).filter((one) => one > 1).length,
    'acknowledged in the tail, and lost': `${lost.length} of ${tail.length}`,
    'of those, applied before': times(lost).filter((one) => one > 0).length,
  };
  const lines = Object.entries(rows).map(([what, value]) => `| ${what} | ${value} |`);
  process.stdout.write(`\n| failover to a replica | |\n| --- | --- |\n${lines.join('\n')}\n\n`);
});

/** Updates of which this Redis has no record. */
async function missing(redis: Redis, ids: readonly string[]): Promise<readonly string[]> {
  const known = await Promise.all(
    ids.map((id) => redis.exists(fleet.keys.shard(shardOfUpdate(id) ?? 0).update(id))),
  );
  return ids.filter((_, at) => known[at] === 0);
}
