import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { oneConnection } from '../support/oneConnection.ts';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();
const LONG_MS = 600_000;

/** A connection to a broker that has fallen silent, with a SUBSCRIBE under way. */
async function subscribing() {
  const fleet = world.fleet();
  const { id } = await fleet.register();
  const one = await oneConnection(fleet, id, { settings: { ANSWER_TIMEOUT_MS: String(LONG_MS) } });
  expect(await one.connection.ready(10_000)).toEqual({ kind: 'ready' });
  await world.aws().post('/actions/freeze', { durationMs: 2000, side: 'mqtt' });
  const outcome = one.connection.publish({
    thing: 'device_1',
    token: 'upd_0_lost',
    desired: '{"power":"ON"}',
    expectedVersion: undefined,
    confirm: 'ACCEPTED',
  });
  // Answered behind the account's budget, after which the SUBSCRIBE goes out.
  for (let round = 0; round < 3; round += 1) await fleet.redis.ping();
  await setImmediate();
  return { one, outcome };
}

async function ended({ one, outcome }: Awaited<ReturnType<typeof subscribing>>): Promise<void> {
  expect(await outcome).toMatchObject({ kind: 'unsent' });
  await one.stop();
}

test('a SUBSCRIBE whose answer never comes ends with the connection that is let go', async () => {
  const lost = await subscribing();
  await lost.one.connection.abandon();
  await ended(lost);
});

test('a SUBSCRIBE whose answer never comes ends with the connection that breaks', async () => {
  const lost = await subscribing();
  await world.aws().post('/actions/drop-connections', {});
  await eventually(() => expect(lost.one.lost).toHaveLength(1));
  await ended(lost);
});
