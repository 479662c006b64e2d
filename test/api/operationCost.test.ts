import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { GRAPHIQL_EXAMPLES } from '../../src/api/graphiqlExamples.ts';
import { operationCost } from '../../src/api/limits/operationCost.ts';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { UPDATE_SHADOW, UPDATE_SHADOWS } from './support/operations.ts';

const schema = buildSchema();
const cost = (query: string, variables: Record<string, unknown> = {}, name?: string) =>
  operationCost(schema, parse(query), name, variables);

test.each([
  ['a scalar', '{ __typename }', 0],
  ['an object', '{ identity(id: "x") { id username label } }', 1],
  ['objects in an object', '{ identity(id: "x") { connection { state } quarantine { gate } } }', 3],
  ['an object under two names', '{ a: identity(id: "x") { id } b: identity(id: "y") { id } }', 2],
  ['as many as there are ids', '{ updatesById(ids: ["a", "b", "c"]) { id wait { reason } } }', 6],
  ['a page that says how large it is', '{ deadUpdates(first: 7) { nodes { id } } }', 8],
  ['edges and their nodes', '{ deadUpdates(first: 7) { edges { node { id } } } }', 15],
  ['a page as large as usual', '{ deadUpdates { nodes { id } } }', 51],
  ['a list of which nobody knows', '{ update(id: "x") { replays { id wait { reason } } } }', 21],
  [
    'a fragment',
    'query { identity(id: "x") { ...F } } fragment F on Identity { connection { state } }',
    2,
  ],
  ['an inline one', '{ ... on Query { identity(id: "x") { ... { connection { state } } } } }', 2],
  ['the schema', '{ __schema { types { fields { args { type { ofType { name } } } } } } }', 100],
] as const)('%s costs its objects', (_name, query, points) => {
  expect(cost(query)).toBe(points);
});

test('variables count as what they hold, whatever that is', () => {
  const page = 'query ($n: Int) { deadUpdates(first: $n) { nodes { id } } }';
  expect(cost(page, { n: 500 })).toBe(501);
  for (const n of [undefined, null, 'many', -1, Number.NaN, {}]) expect(cost(page, { n })).toBe(51);
  const list = 'query ($ids: [ID!]!) { updatesById(ids: $ids) { id } }';
  expect(cost(list, { ids: Array.from({ length: 1000 }, String) })).toBe(1000);
  expect(cost(list, { ids: [] })).toBe(0);
});

test('a variable that is not sent counts as its default', () => {
  const page = 'query ($n: Int = 500) { deadUpdates(first: $n) { nodes { id } } }';
  expect(cost(page)).toBe(501);
  expect(cost(page, { n: 7 })).toBe(8);
  expect(cost(page, { n: null })).toBe(51);
  const list = 'query ($ids: [ID!]! = ["a", "b"]) { updatesById(ids: $ids) { id } }';
  expect(cost(list)).toBe(2);
});

test('a mutation costs more, and its rows something', () => {
  expect(cost(UPDATE_SHADOW, { input: {} })).toBe(12);
  const rows = (count: number) =>
    cost(UPDATE_SHADOWS, { input: { updates: Array.from({ length: count }, () => ({})) } });
  // Sent, and answered with a row that holds an update and an error.
  expect(rows(1000) - rows(0)).toBe(100 + 3 * 100);
  const inside = `mutation ($updates: [UpdateShadowInput!]!) {
    updateShadows(input: { updates: $updates }) { __typename }
  }`;
  const row = { updates: Array.from({ length: 1000 }, () => ({})) };
  expect(cost(inside, row) - cost(inside, { updates: [] })).toBe(100);
});

test('what a row answers costs little, and what is looked up for it costs for each row', () => {
  const rows = (selection: string, count: number) =>
    cost(
      `mutation ($input: UpdateShadowsInput!) { updateShadows(input: $input) {
        ... on UpdateShadowsSuccess { rows { index ...R } }
      } }
      fragment R on UpdateShadowsRow { ${selection} }`,
      { input: { updates: Array.from({ length: count }, () => ({})) } },
    );
  const plain = rows('update { id state }', 1000);
  expect(plain).toBeLessThan(1000);
  const connections = rows('update { id identity { connection { state } } }', 1000);
  expect(connections - plain).toBeCloseTo(2000, 6);
  const histories = rows('update { batch { updates(first: 10) { nodes { id } } } }', 1000);
  expect(histories - plain).toBeCloseTo(1000 * (1 + 5 + 1 + 10), 6);
  // A row's own row is no row: nothing grows beyond what was sent.
  expect(rows('update { id }', 0)).toBe(11);
  const identities = `mutation ($input: TagIdentitiesInput!) { tagIdentities(input: $input) {
    ... on TagIdentitiesSuccess { rows { identity { connection { state } } } }
  } }`;
  const ids = { input: { identityIds: Array.from({ length: 100 }, String), tags: ['a'] } };
  expect(cost(identities, ids)).toBe(11 + 10.1 + 100 * (0.1 + 0.1 + 1));
});

test.each([
  ['facets', '{ updateFacets { total } }', 251],
  ['a history', '{ updates(first: 10) { nodes { id } } }', 16],
  ['an empty filter', '{ updates(first: 10, filter: {}) { nodes { id } } }', 16],
  ['no filter', '{ updates(first: 10, filter: null) { nodes { id } } }', 16],
  ['a search', '{ updates(first: 10, filter: { thing: "x" }) { nodes { id } } }', 111],
  [
    'a search in each identity',
    '{ identities(first: 3) { nodes { updates(first: 1, filter: { actor: "a" }) { nodes { id } } } } }',
    1 + 3 * (1 + 100 + 1 + 1),
  ],
  ['identities that fit', '{ identities(first: 3, filter: { tag: "x" }) { nodes { id } } }', 54],
  ['the audit', '{ auditLog(first: 3, filter: { actor: "x" }) { nodes { id } } }', 54],
  ['the states of batches', '{ batches(first: 3) { nodes { states { count } } } }', 1 + 3 * 21],
] as const)('%s costs what it looks at', (_name, query, points) => {
  expect(cost(query)).toBe(points);
});

test('a filter counts wherever it stands', () => {
  const search = 'query ($f: UpdateFilter) { updates(first: 10, filter: $f) { nodes { id } } }';
  expect(cost(search, { f: { states: ['FAILED'] } })).toBe(111);
  for (const f of [undefined, null, {}]) expect(cost(search, { f })).toBe(16);
  const started =
    'query ($f: UpdateFilter = { thing: "x" }) { updateFacets(filter: $f) { total } }';
  expect(cost(started)).toBe(251);
});

test.each(['previewBulkAction', 'cancelBatch', 'retryBatch'])('%s costs its search', (name) => {
  const points = { previewBulkAction: 250, cancelBatch: 100, retryBatch: 100 }[name];
  expect(cost(`mutation { ${name}(input: {}) { __typename } }`)).toBe(11 + (points ?? 0));
});

test('every example of GraphiQL costs little of what an operation may', () => {
  for (const { query, variables } of GRAPHIQL_EXAMPLES) {
    expect(cost(query, variables)).toBeLessThan(1000);
  }
});

test('of several operations the one that is named counts', () => {
  const query = 'query A { identity(id: "x") { id } } query B { deadUpdates { nodes { id } } }';
  expect([cost(query, {}, 'A'), cost(query, {}, 'B'), cost(query, {}, 'C')]).toEqual([1, 51, 0]);
});

test('fragments that double each other are costly, and cost nothing to look at', () => {
  const levels = 60;
  const fragments = Array.from({ length: levels }, (_, n) => {
    const next = n + 1 < levels ? `...F${n + 1}` : 'pendingUpdates';
    return `fragment F${n} on Identity { connection { state } ... { ${next} } ... { ${next} } }`;
  });
  const query = `{ identity(id: "x") { ...F0 } } ${fragments.join(' ')}`;
  expect(cost(query)).toBe(2 ** levels);
  const mutations = Array.from({ length: levels }, (_, n) => {
    const next = n + 1 < levels ? `...M${n + 1} ... { ...M${n + 1} }` : '__typename';
    return `fragment M${n} on Mutation { ${next} }`;
  });
  expect(cost(`mutation { ...M0 } ${mutations.join(' ')}`)).toBeGreaterThan(2 ** (levels - 2));
});
