import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadows } from './support/operations.ts';
import { type Json, startApi, type TestApi, tokenOf } from './support/testApi.ts';

const redis = useRedis();

const ACTION =
  'id kind state reason actor matched matchedAtLeast done skipped failed errors { code } abortedBy abortReason filter';
const PREVIEW = `mutation ($input: PreviewBulkActionInput!) {
  result: previewBulkAction(input: $input) {
    __typename
    ... on PreviewBulkActionSuccess {
      preview { id expiresAt kind matched matchedAtLeast facets { states { state count } } sample { id thing } }
    }
    ... on Error { code }
  }
}`;
const change = (name: string, input: string) => `mutation ($input: ${input}!) {
  result: ${name}(input: $input) {
    __typename ... on ${name.charAt(0).toUpperCase()}${name.slice(1)}Success { bulkAction { ${ACTION} batch { id } } } ... on Error { code }
  }
}`;
const START = change('startBulkAction', 'StartBulkActionInput');
const ABORT = change('abortBulkAction', 'AbortBulkActionInput');
const CANCEL_BATCH = change('cancelBatch', 'BatchActionInput');
const RETRY_BATCH = change('retryBatch', 'BatchActionInput');

const ask = async (api: TestApi, mutation: string, input: object): Promise<Json> =>
  (await api.run(mutation, { input })).result;

async function populated(): Promise<TestApi> {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const updates = Array.from({ length: 12 }, (_, n) => ({
    identityId,
    thing: `device_${n}`,
    desired: { n },
    labels: n % 2 === 0 ? ['even'] : [],
  }));
  await updateShadows(api, { updates });
  return api;
}

test('an action is previewed, started with a reason, followed, listed and aborted', async () => {
  const api = await populated();
  const input = { kind: 'CANCEL', filter: { labels: ['even'] } };
  const { preview } = await ask(api, PREVIEW, input);
  expect(preview).toMatchObject({
    kind: 'CANCEL',
    matched: 6,
    matchedAtLeast: false,
    facets: { states: [{ state: 'QUEUED', count: 6 }] },
  });
  expect(preview.sample).toHaveLength(6);
  const { id: previewId } = preview;
  expect((await ask(api, START, { previewId, reason: ' ' })).code).toBe('REASON_INVALID');
  const { bulkAction } = await ask(api, START, { previewId, reason: 'a mistake' });
  expect(bulkAction).toMatchObject({
    kind: 'CANCEL',
    state: 'RUNNING',
    reason: 'a mistake',
    actor: 'tests',
    matched: 6,
    filter: { labels: ['even'], states: ['QUEUED', 'HELD'] },
    batch: null,
  });
  const query = `query ($id: ID!) { bulkAction(id: $id) { ${ACTION} } node(id: $id) { __typename } bulkActions { nodes { id } } }`;
  const data = await api.run(query, { id: bulkAction.id });
  expect(data.node.__typename).toBe('BulkAction');
  expect(data.bulkActions.nodes).toEqual([{ id: bulkAction.id }]);
  const aborted = await ask(api, ABORT, { bulkActionId: bulkAction.id, reason: 'after all' });
  expect(aborted.bulkAction).toMatchObject({
    state: 'ABORTING',
    abortedBy: 'tests',
    abortReason: 'after all',
  });
  const again = await ask(api, ABORT, { bulkActionId: bulkAction.id, reason: 'once more' });
  expect(again.bulkAction.abortReason).toBe('after all');
});

test('what an action is done to can be looked for by the filter that it shows', async () => {
  const api = await populated();
  const from = '2026-01-31T12:00:00.000Z';
  const filter = { labels: ['even'], acceptedFrom: from };
  const { preview } = await ask(api, PREVIEW, { kind: 'CANCEL', filter });
  const started = await ask(api, START, { previewId: preview.id, reason: 'a mistake' });
  const shown = started.bulkAction.filter;
  expect(shown).toMatchObject({ acceptedFrom: from, acceptedBefore: expect.stringMatching(/Z$/) });
  const query = 'query ($filter: UpdateFilter) { updates(filter: $filter) { nodes { id } } }';
  const found: Json = await api.run(query, { filter: shown });
  expect(found.updates.nodes).toHaveLength(6);
});

test('what an operator previews, an approver starts', async () => {
  const api = await populated();
  const input = { kind: 'CANCEL', filter: { labels: ['even'] } };
  const { result } = await api.run(PREVIEW, { input }, tokenOf('operator'));
  const start = { input: { previewId: result.preview.id, reason: 'a mistake' } };
  const refused = await api.send(START, start, tokenOf('operator'));
  expect(refused.errors[0].extensions.code).toBe('FORBIDDEN');
  const started = await api.run(START, start, tokenOf('approver'));
  expect(started.result.bulkAction).toMatchObject({ actor: 'approver', matched: 6 });
});

test('a batch is canceled, and what failed of it retried, as such actions', async () => {
  const api = await populated();
  const { batches } = await api.run('{ batches { nodes { id } } }');
  const batchId = batches.nodes[0].id;
  const { bulkAction } = await ask(api, CANCEL_BATCH, { batchId, reason: 'stop' });
  expect(bulkAction).toMatchObject({ kind: 'CANCEL', matched: 12, filter: { batchId } });
  expect((await ask(api, RETRY_BATCH, { batchId, reason: 'again' })).code).toBe(
    'BULK_MATCHES_NOTHING',
  );
  const none = { batchId: 'bat_01ARZ3NDEKTSV4RRFFQ69G5FAV', reason: 'why' };
  expect((await ask(api, CANCEL_BATCH, none)).code).toBe('BATCH_NOT_FOUND');
});

test('what cannot be started or aborted says why', async () => {
  const api = await populated();
  const nothing = { kind: 'RETRY', filter: {} };
  expect((await ask(api, PREVIEW, nothing)).code).toBe('BULK_MATCHES_NOTHING');
  expect((await ask(api, PREVIEW, { kind: 'CANCEL', filter: { labels: ['a,b'] } })).code).toBe(
    'FILTER_INVALID',
  );
  expect((await ask(api, START, { previewId: 'prv_none', reason: 'why' })).code).toBe(
    'PREVIEW_NOT_FOUND',
  );
  const unknown = { bulkActionId: 'blk_01ARZ3NDEKTSV4RRFFQ69G5FAV', reason: 'why' };
  expect((await ask(api, ABORT, unknown)).code).toBe('BULK_ACTION_NOT_FOUND');
});
