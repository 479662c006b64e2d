import { expect, test } from 'vitest';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

/** An update whose first publish is applied and never answered, and the shadow it went to. */
async function unanswered(expectedVersion: number) {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker({ ANSWER_TIMEOUT_MS: '400' });
  const { id, cognitoId } = await fleet.active();
  const thing = `device_${expectedVersion}_${id}`;
  await fleet.succeeded(await fleet.send(id, thing, { first: true }));
  await aws.deviceFaults({ clientIds: [cognitoId], swallowAccepted: 1 });
  const desired = { power: 'ON', color: { r: 1 }, first: null };
  const update = await fleet.send(id, thing, desired, { expectedVersion });
  await fleet.waiting(update, 'BACKOFF');
  return { fleet, aws, id, cognitoId, thing, update };
}

test('a version conflict with its own unanswered publish is a success', async () => {
  const { fleet, aws, cognitoId, update } = await unanswered(1);
  await aws.deviceFaults({});
  const settled = await fleet.succeeded(update);
  expect(settled).toMatchObject({ version: 2, milestone: 'ACCEPTED', maybeApplied: false });
  expect(settled.tries).toBeGreaterThan(1);
  const tokens = (await aws.applied(cognitoId)).map(({ clientToken }) => clientToken);
  expect(tokens.filter((token) => token === update)).toHaveLength(1);
});

test('a conflict that may be with somebody else is told as not known, and as maybe applied', async () => {
  const { fleet, aws, id, thing, update } = await unanswered(1);
  // Somebody else of the same account changes the shadow before the next try.
  await aws.updateShadow(thing, { power: 'OFF' });
  await aws.deviceFaults({});
  expect(await fleet.settled(update)).toMatchObject({
    state: 'FAILED',
    maybeApplied: true,
    failure: { code: 'OUTCOME_UNKNOWN', awsCode: 409 },
  });
  // The connection is as good as before.
  await fleet.succeeded(await fleet.send(id, thing, { power: 'ON' }));
});
