import { expect, test } from 'vitest';
import { laneId } from '../../src/shared/domain/lane.ts';
import { request } from './support/shardWorld.ts';
import { useShardWorld } from './support/useShardWorld.ts';
import { UpdateReader } from '../../src/shared/store/updateReader.ts';

const openWorld = useShardWorld();

/** Documents around every length at which a value is divided, of characters of one to four bytes. */
const DOCUMENTS = ['x', 'é', '€', '😀'].flatMap((character) =>
  [1, 10, 14, 15, 16, 17, 25, 26, 27, 28, 48, 52, 58, 60, 64, 100, 128, 200, 249, 260, 1100].map(
    (count) => ({ text: character.repeat(count) }),
  ),
);

test('a document of any length is published and read as it came', async () => {
  const world = await openWorld();
  const owner = await world.takeOver();
  const identityId = await world.identity();
  const asked = DOCUMENTS.map((desired, at) => request(identityId, { thing: `d_${at}`, desired }));
  const ids = await world.accept(asked);
  const updates = await new UpdateReader(world.redis, world.keys, 1).findMany(ids);
  expect(updates.map((update) => update?.desired)).toEqual(DOCUMENTS);
  for (const [at, row] of asked.entries()) {
    const step = await owner.lanes.claim(laneId(row));
    if (step.kind !== 'claimed') throw new Error(`not claimed but ${step.kind}`);
    expect(JSON.parse(step.claim.desired)).toEqual(DOCUMENTS[at]);
  }
});

test('members of a group keep their documents', async () => {
  const world = await openWorld();
  const owner = await world.takeOver();
  const identityId = await world.identity();
  const desired = DOCUMENTS.filter(({ text }) => text.length > 50 && text.length < 300).slice(0, 6);
  const rows = desired.map((one) => request(identityId, { desired: one, coalesce: true }));
  await world.accept(rows);
  // Claimed twice: the second claim finds the group that the first one froze.
  for (const _claim of [1, 2]) {
    const step = await owner.lanes.claim(laneId(request(identityId)));
    if (step.kind !== 'claimed') throw new Error(`not claimed but ${step.kind}`);
    const published = [step.claim, ...step.claim.members].map((one) => JSON.parse(one.desired));
    expect(published).toEqual(desired);
  }
});

test('a record with a document of 200 bytes, and one that failed, stay compact', async () => {
  const world = await openWorld();
  const owner = await world.takeOver();
  const identityId = await world.identity();
  const [id = ''] = await world.accept([
    request(identityId, { desired: { text: 'x'.repeat(190) } }),
  ]);
  const step = await owner.lanes.claim(laneId(request(identityId)));
  if (step.kind !== 'claimed') throw new Error(`not claimed but ${step.kind}`);
  const failure = { code: 'REJECTED', message: 'é'.repeat(120), remedy: 'r'.repeat(200) };
  const fields = { failure: JSON.stringify(failure) };
  await owner.lanes.settle(laneId(request(identityId)), step.claim, 'FAILED', fields, false);
  expect(await world.redis.object('ENCODING', world.shardKeys.update(id))).toBe('listpack');
  const update = await new UpdateReader(world.redis, world.keys, 1).find(id);
  expect(update?.failure).toEqual(failure);
});
