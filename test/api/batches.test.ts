import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const BATCH = /* GraphQL */ `
  id state label actor total ended finishedAt createdAt
  states { state count atLeast }
  failureCodes { code count }
`;
const SEND = /* GraphQL */ `
  mutation ($input: UpdateShadowsInput!) {
    result: updateShadows(input: $input) {
      __typename
      ... on UpdateShadowsSuccess {
        batch { ${BATCH} }
        rows { update { id batch { id } } error { code } }
      }
      ... on Error { code }
    }
  }
`;
const CANCEL =
  'mutation ($input: CancelUpdateInput!) { cancelUpdate(input: $input) { __typename } }';

const send = async (api: TestApi, input: object): Promise<Json> =>
  (await api.run(SEND, { input })).result;

const row = (identityId: string, n: number) => ({
  identityId,
  thing: `device_${n}`,
  desired: { n },
});

test('many updates are a batch, which can be followed and listed', async () => {
  const api = await startApi(redis().url);
  const [alice, bob] = [await register(api), await register(api, 'bob')];
  const updates = [row(alice, 1), row(alice, 1), row(bob, 2), row('idn_nobody', 3)];
  const { batch, rows } = await send(api, { updates, label: 'night shift' });
  expect(batch).toMatchObject({
    state: 'RUNNING',
    label: 'night shift',
    actor: 'tests',
    total: 3,
    ended: 0,
    finishedAt: null,
    states: [{ state: 'QUEUED', count: 3, atLeast: false }],
    failureCodes: [],
  });
  expect(rows.slice(0, 3).map(({ update }: Json) => update.batch.id)).toEqual(
    Array.from({ length: 3 }, () => batch.id),
  );
  for (const { update } of rows.slice(0, 3)) {
    await api.run(CANCEL, { input: { updateId: update.id } });
  }
  const query = `query ($id: ID!) {
    batch(id: $id) { ${BATCH} updates(first: 2, filter: { states: [CANCELED] }) { nodes { id } pageInfo { hasNextPage } } }
    node(id: $id) { __typename id }
    batches { nodes { id } }
  }`;
  const data: Json = await api.run(query, { id: batch.id });
  expect(data.batch).toMatchObject({
    state: 'COMPLETED',
    ended: 3,
    states: [{ state: 'CANCELED', count: 3 }],
  });
  expect(data.batch.finishedAt).not.toBeNull();
  expect(data.batch.updates.nodes).toHaveLength(2);
  expect(data.batch.updates.pageInfo.hasNextPage).toBe(true);
  expect(data.node).toEqual({ __typename: 'Batch', id: batch.id });
  expect(data.batches.nodes).toEqual([{ id: batch.id }]);
  const none = await api.run('{ batch(id: "bat_01ARZ3NDEKTSV4RRFFQ69G5FAV") { id } }');
  expect(none.batch).toBeNull();
});

test('with REJECT_ALL a wrong row keeps the others out; where none is taken there is no batch', async () => {
  const api = await startApi(redis().url);
  const alice = await register(api);
  const updates = [row(alice, 1), { ...row(alice, 2), desired: {} }, row(alice, 3)];
  const { batch, rows } = await send(api, { updates, onError: 'REJECT_ALL' });
  expect(batch).toBeNull();
  expect(rows.map(({ error }: Json) => error.code)).toEqual([
    'ROW_NOT_TAKEN',
    'DESIRED_INVALID',
    'ROW_NOT_TAKEN',
  ]);
  const whole = await send(api, { updates: [updates[0], updates[2]], onError: 'REJECT_ALL' });
  expect(whole.batch.total).toBe(2);
  expect((await send(api, { updates: [updates[1]] })).batch).toBeNull();
  expect((await send(api, { updates, label: ' ' })).code).toBe('LABEL_INVALID');
});

test('batches are listed by who sent them, by label and by state, page by page', async () => {
  const api = await startApi(redis().url);
  const alice = await register(api);
  const ids: Record<string, string[]> = { odd: [], even: [] };
  for (let n = 0; n < 7; n += 1) {
    const label = n % 2 === 0 ? 'even' : 'odd';
    const { batch } = await send(api, { label, updates: [row(alice, n)] });
    ids[label]?.unshift(batch.id);
  }
  const LIST = `query ($filter: BatchFilter, $first: Int, $after: String) {
    batches(filter: $filter, first: $first, after: $after) {
      nodes { id } pageInfo { hasNextPage endCursor }
    }
  }`;
  const list = async (filter: object, first: number): Promise<Json> => {
    const pages: string[][] = [];
    let after: string | null = null;
    do {
      const { batches }: Json = await api.run(LIST, { filter, first, after });
      pages.push(batches.nodes.map(({ id }: { id: string }) => id));
      after = batches.pageInfo.hasNextPage ? batches.pageInfo.endCursor : null;
    } while (after !== null);
    return pages;
  };
  expect((await list({ label: 'odd' }, 2)).flat()).toEqual(ids.odd);
  expect((await list({ label: 'even', actor: 'tests', states: ['RUNNING'] }, 1)).flat()).toEqual(
    ids.even,
  );
  expect(await list({ label: null, states: [] }, 5)).toEqual([[]]);
  expect(await list({ states: ['COMPLETED', 'ACCEPTING'] }, 5)).toEqual([[]]);
  expect(await list({ actor: 'nobody' }, 5)).toEqual([[]]);
  expect((await list({}, 3)).map(({ length }: string[]) => length)).toEqual([3, 3, 1]);
});
