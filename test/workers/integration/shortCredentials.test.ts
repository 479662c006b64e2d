import { expect, test } from 'vitest';
import { useFleet } from '../support/useFleet.ts';

/** An hour of AWS's in four seconds: what temporary credentials live. */
const world = useFleet({ emulator: ['--time-scale', '900'] });

test('credentials that the wait for AttachPolicy outlasts are not connected with', async () => {
  const fleet = world.fleet();
  const worker = await fleet.worker({ BUDGET_ATTACH_POLICY: '1', REFRESH_AHEAD_MS: '1500' });
  const refused: string[] = [];
  worker.events.on('connection:refused', ({ reason }) => refused.push(reason));
  // One a second, and now and then credentials that are too old and are fetched anew.
  const all = Array.from({ length: 7 }, () => fleet.active(undefined, 25_000));
  const active = await Promise.all(all);
  expect(new Set(active.map(({ cognitoId }) => cognitoId)).size).toBe(7);
  expect(refused).toEqual([]);
});
