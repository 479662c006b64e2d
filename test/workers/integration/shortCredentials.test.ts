import { expect, test } from 'vitest';
import { useFleet } from '../support/useFleet.ts';

/** An hour of AWS's in four seconds: what temporary credentials live. */
const world = useFleet({ emulator: ['--time-scale', '900'] });

test('credentials that the wait for AttachPolicy outlasts are not connected with', async () => {
  const fleet = world.fleet();
  const worker = await fleet.worker({ BUDGET_ATTACH_POLICY: '1', REFRESH_AHEAD_MS: '1500' });
  const refused: string[] = [];
  worker.events.on('connection:refused', ({ reason }) => refused.push(reason));
  const active = await Promise.all(Array.from({ length: 7 }, () => fleet.active()));
  expect(new Set(active.map(({ cognitoId }) => cognitoId)).size).toBe(7);
  expect(refused).toEqual([]);
});
