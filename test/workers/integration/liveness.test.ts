import { afterEach, expect, test } from 'vitest';
import { RedisRelay } from '../../support/redisRelay.ts';
import { eventually } from '../../support/eventually.ts';
import { readinessProblem } from '../../../src/workers/health.ts';
import type { InProcessWorker } from '../support/worker.ts';
import { useFleet } from '../support/useFleet.ts';

let relay: RedisRelay | undefined;
// Said first, to be done last: a worker hands over through it.
afterEach(() => relay?.stop());

const world = useFleet();
/** Longer than a busy machine keeps a worker from taking a job: that would be a restart as well. */
const PATIENCE_MS = 2000;
const HEARTBEAT_MS = 100;
const NEVER_MS = '600000';
/** Of a shard's queue; other queues have workers too. */
const BLOCKING_READ = /bzpopmin\r\n\$\d+\r\n\{[^}]*:s\d+\}:deliver:marker/i;

async function throughRelay(settings: Readonly<Record<string, string>>) {
  const fleet = world.fleet();
  relay = await RedisRelay.start(world.redis().port);
  const worker = await fleet.worker({
    REDIS_URL: relay.url,
    CONSUMER_PATIENCE_MS: String(PATIENCE_MS),
    ...settings,
  });
  const happened = { restarts: 0, renewals: 0 };
  worker.events.on('consumer:restarted', () => (happened.restarts += 1));
  worker.events.on('redis:renewed', () => (happened.renewals += 1));
  const { id } = await fleet.active();
  return { fleet, worker, id, happened, relay };
}

const problem = ({ keeper }: InProcessWorker) =>
  readinessProblem(keeper, HEARTBEAT_MS, PATIENCE_MS);

test('a consumer whose blocking read hangs is made anew, and takes the jobs that wait', async () => {
  const { fleet, worker, id, happened, ...rest } = await throughRelay({
    REDIS_SILENCE_MS: NEVER_MS,
  });
  const problems: (string | undefined)[] = [];
  worker.events.on('consumer:restarted', () => problems.push(problem(worker)));
  await eventually(() => expect(rest.relay.hang(BLOCKING_READ)).toBe(fleet.shardCount));
  // The first may still be fetched without a blocking read; whatever comes behind it is not.
  await eventually(async () => {
    await fleet.succeeded(await fleet.send(id, 'device_liveness', { power: 'ON' }));
    expect(happened).toEqual({ restarts: 1, renewals: 0 });
  });
  expect(problems).toEqual([expect.stringContaining('jobs ready')]);
  await eventually(() => expect(problem(worker)).toBeUndefined());
});

test('connections to Redis that fell silent without being closed are made anew', async () => {
  const { fleet, worker, id, happened, ...rest } = await throughRelay({
    REDIS_SILENCE_MS: '300',
  });
  rest.relay.hang();
  await fleet.succeeded(await fleet.send(id, 'device_liveness', { power: 'OFF' }));
  expect(happened.renewals).toBeGreaterThanOrEqual(2);
  await eventually(() => expect(problem(worker)).toBeUndefined());
});

test('a Redis that is paused keeps its connections', async () => {
  const { fleet, worker, id, happened } = await throughRelay({ REDIS_SILENCE_MS: '100' });
  world.redis().pause();
  await eventually(() => expect(problem(worker)).toContain('heartbeat'));
  world.redis().resume();
  await fleet.succeeded(await fleet.send(id, 'device_liveness', { power: 'ON' }));
  expect(happened.renewals).toBe(0);
});
