import { expect, test } from 'vitest';
import { useFleet } from '../support/useFleet.ts';

const world = useFleet();

test('many edits of one shadow at once are few publishes, and no field and no outcome is lost', async () => {
  const fleet = world.fleet();
  const aws = world.aws();
  await fleet.worker();
  const { id, cognitoId } = await fleet.active();
  const edits = Array.from({ length: 20 }, (_, at) => ({
    identityId: id,
    thing: 'device_edits',
    desired: { [`field_${at % 5}`]: at, deep: { [`at_${at}`]: true } },
    coalesce: true,
  }));
  const ids = await fleet.sendAll(edits);
  const updates = await Promise.all(ids.map((update) => fleet.settled(update)));

  expect(updates.map(({ state }) => state)).toEqual(ids.map(() => 'SUCCEEDED'));
  const applied = await aws.applied(cognitoId);
  expect(applied).toHaveLength(1);
  expect(applied[0]).toMatchObject({ clientToken: ids[0] });
  expect(applied[0]?.desired).toEqual({
    ...Object.fromEntries([15, 16, 17, 18, 19].map((at) => [`field_${at % 5}`, at])),
    deep: Object.fromEntries(ids.map((_, at) => [`at_${at}`, true])),
  });
  for (const [at, update] of updates.entries()) {
    expect(update).toMatchObject({
      version: 1,
      carriedBy: at === 0 ? undefined : ids[0],
      supersededFields: at < 15 ? [`field_${at % 5}`] : [],
    });
  }
});

test('one bad document of a group fails alone', async () => {
  const fleet = world.fleet();
  await fleet.worker();
  const { id } = await fleet.active();
  // Each fits into a shadow of 8 KB, and the first two leave no room for the third.
  const send = (desired: Record<string, string>) => ({
    identityId: id,
    thing: 'device_full',
    desired,
    coalesce: true,
  });
  await fleet.succeeded(await fleet.send(id, 'device_full', { base: 'x'.repeat(6000) }));
  const ids = await fleet.sendAll([
    send({ a: '1' }),
    send({ b: 'y'.repeat(4000) }),
    send({ c: '3' }),
  ]);
  const updates = await Promise.all(ids.map((update) => fleet.settled(update)));
  expect(updates.map(({ state }) => state)).toEqual(['SUCCEEDED', 'FAILED', 'SUCCEEDED']);
  expect(updates[1]?.failure?.code).toBe('TOO_LARGE');
});
