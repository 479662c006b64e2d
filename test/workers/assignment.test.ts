import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignShards } from '../../src/workers/fleet/assignment.ts';

const members = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 9 });
const shardCount = fc.integer({ min: 1, max: 96 });

/** Members, and owners some of which are members, some gone, some nobody. */
const situation = fc.tuple(members, shardCount).chain(([names, count]) =>
  fc.record({
    names: fc.constant(names),
    owners: fc.array(fc.constantFrom(...names, 'gone', undefined), {
      minLength: count,
      maxLength: count,
    }),
  }),
);

const sharesOf = (assigned: readonly string[], names: readonly string[]) =>
  names.map((name) => assigned.filter((owner) => owner === name).length);

const moves = (before: readonly (string | undefined)[], after: readonly string[]) =>
  after.filter((owner, shard) => owner !== before[shard]).length;

test('every shard has a member, and shares differ by one at most', () => {
  fc.assert(
    fc.property(situation, ({ names, owners }) => {
      const assigned = assignShards(owners, names);
      const shares = sharesOf(assigned, names);
      expect(assigned).toHaveLength(owners.length);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(owners.length);
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
    }),
  );
});

test('every worker computes the same, in whatever order it sees the members', () => {
  fc.assert(
    fc.property(situation, ({ names, owners }) => {
      expect(assignShards(owners, names.toReversed())).toEqual(assignShards(owners, names));
    }),
  );
});

test('an assignment that is in force moves nothing', () => {
  fc.assert(
    fc.property(situation, ({ names, owners }) => {
      const assigned = assignShards(owners, names);
      expect(assignShards(assigned, names)).toEqual(assigned);
    }),
  );
});

test('one that joins takes its share and nothing else moves', () => {
  fc.assert(
    fc.property(situation, ({ names, owners }) => {
      const before = assignShards(owners, names);
      const after = assignShards(before, [...names, 'newcomer']);
      const share = after.filter((owner) => owner === 'newcomer').length;
      expect(moves(before, after)).toBe(share);
    }),
  );
});

test('where one leaves, only its shards move', () => {
  fc.assert(
    fc.property(situation, ({ names, owners }) => {
      fc.pre(names.length > 1);
      const before = assignShards(owners, names);
      const [leaver = '', ...rest] = names;
      const after = assignShards(before, rest);
      expect(moves(before, after)).toBe(before.filter((owner) => owner === leaver).length);
    }),
  );
});

test('without members nothing is assigned', () => {
  expect(assignShards([undefined, 'one'], [])).toEqual([]);
});

/** Some shards are placed, at members or at workers that are gone. */
const placed = situation.chain(({ names, owners }) =>
  fc.record({
    names: fc.constant(names),
    owners: fc.constant(owners),
    placements: fc
      .array(fc.tuple(fc.nat({ max: owners.length - 1 }), fc.constantFrom(...names, 'gone')))
      .map((pairs) => new Map(pairs)),
  }),
);

test('a placed shard is where it was placed, the rest stays even, and nothing moves again', () => {
  fc.assert(
    fc.property(placed, ({ names, owners, placements }) => {
      const assigned = assignShards(owners, names, placements);
      const share = Math.ceil(owners.length / names.length);
      for (const [shard, worker] of placements) {
        if (names.includes(worker)) expect(assigned[shard]).toBe(worker);
      }
      for (const name of names) {
        const own = assigned.filter((owner) => owner === name).length;
        const given = assigned.filter(
          (owner, shard) => owner === name && placements.get(shard) === name,
        ).length;
        expect(own).toBeLessThanOrEqual(Math.max(share, given));
      }
      expect(assignShards(assigned, names, placements)).toEqual(assigned);
    }),
  );
});
