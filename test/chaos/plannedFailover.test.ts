import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type RedisServer, startRedis } from '../support/redisServer.ts';
import { Aws } from '../workers/support/aws.ts';
import { Fleet, QUICK_CONNECTS } from '../workers/support/fleet.ts';
import { Switchboard } from './support/switchboard.ts';

const IDENTITIES = 6;
const ROUNDS = 10;

let first: RedisServer;
let second: RedisServer;
let board: Switchboard;
let aws: Aws;
let fleet: Fleet;

beforeAll(async () => {
  // Redis would wait five seconds for more replicas before it sends the first one its data.
  const args = ['--repl-diskless-sync-delay', '0'];
  first = await startRedis({ aof: 'always', args });
  second = await startRedis({ args: ['--replicaof', '127.0.0.1', String(first.port)] });
  board = await Switchboard.start(first.port);
  aws = await Aws.start(QUICK_CONNECTS);
  fleet = new Fleet(board.url, aws);
});

afterAll(async () => {
  await fleet?.stop();
  await aws?.stop();
  await board?.stop();
  await Promise.all([first, second].map((server) => server?.stop()));
});

test('where the primary and a replica change places, and no connection is cut, nothing is lost', async () => {
  await fleet.workerProcess();
  const members = await Promise.all(Array.from({ length: IDENTITIES }, () => fleet.active()));
  await aws.deviceFaults({ delayAcceptedMs: { min: 100, max: 200 } });
  const ids: string[] = [];
  // Whoever repeats with the same key is answered as the first time, wherever it got to.
  const send = (step: number) =>
    eventually(async () => {
      const round = members.map(({ id: identityId }, owner) => ({
        identityId,
        thing: `device_planned_${owner}`,
        desired: { step },
      }));
      ids.push(...(await fleet.sendAll(round, { idempotencyKey: `round ${step}` })));
    });
  for (let step = 0; step < ROUNDS; step += 1) await send(step);
  await eventually(async () => {
    expect(await first.connect().info('replication')).toContain('state=online');
  });
  await first.connect().call('FAILOVER', 'TO', '127.0.0.1', second.port);
  // The name follows late: until then both the old and new connections are to a replica.
  await eventually(async () => expect(await first.connect().role()).toContain('slave'));
  await eventually(async () => expect(await second.connect().role()).toContain('master'));
  const sending = send(ROUNDS);
  await eventually(async () => {
    expect(await first.connect().info('errorstats')).toContain('errorstat_READONLY');
  });
  board.pointTo(second.port);
  await sending;
  for (let step = ROUNDS + 1; step < 2 * ROUNDS; step += 1) await send(step);
  for (const id of ids) await fleet.succeeded(id);
  const ledger = await aws.ledger();
  for (const id of ids) {
    expect(ledger.map(({ clientToken }) => clientToken)).toContain(id);
  }
  for (const [owner, { cognitoId }] of members.entries()) {
    const steps = ledger.filter(({ thing }) => thing === `device_planned_${owner}`);
    expect(steps.at(-1)?.desired).toEqual({ step: 2 * ROUNDS - 1 });
    expect(await aws.connects(cognitoId)).toHaveLength(1);
  }
});
