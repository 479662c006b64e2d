import { getIntrospectionQuery } from 'graphql';
import { expect, test } from 'vitest';
import { TOP_LEVEL_CODES } from '../../src/api/topLevelCodes.ts';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow, updateShadows } from './support/operations.ts';
import { type Json, startApi, type TestApi, TOKEN, tokenOf } from './support/testApi.ts';

const redis = useRedis();
const times = (count: number, make: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => make(n)).join(' ');

const codesOf = (body: Json): string[] =>
  (body.errors ?? []).map(({ extensions }: Json) => extensions.code);

/** Operations that would cost far more than they are worth to send. */
const BOMBS: readonly (readonly [string, string])[] = [
  ['deep replays', `{ update(id: "x") { ${'replays { '.repeat(30)} id ${'}'.repeat(30)} } }`],
  ['deep inline fragments', `{ ${'... on Query { '.repeat(300)} __typename ${'}'.repeat(300)} }`],
  ['deep lists', `{ updatesById(ids: ${'['.repeat(400)}${']'.repeat(400)}) { id } }`],
  ['deep objects', `{ __typename @skip(if: ${'{a: '.repeat(300)}1${'}'.repeat(300)}) }`],
  ['many aliases', `{ ${times(100, (n) => `a${n}: fleet { oldestWaitSeconds }`)} }`],
  [
    'aliases in fragments',
    `{ ${times(30, () => '...F')} } fragment F on Query { ${times(40, (n) => `a${n}: __typename`)} }`,
  ],
  ['one field over and over', `{ fleet { ${times(1900, () => 'oldestWaitSeconds')} } }`],
  ['one field with other arguments', `{ ${times(300, (n) => `identity(id: "${n}") { id }`)} }`],
  ['many directives', `{ fleet { oldestWaitSeconds ${'@include(if: true) '.repeat(300)} } }`],
  ['many unknown directives', `{ fleet ${'@a '.repeat(900)} { oldestWaitSeconds } }`],
  [
    'many tokens',
    `{ fleet { oldestWaitSeconds } } # \n ${'fragment F on Query { __typename } '.repeat(1000)}`,
  ],
  ['fragments in a circle', '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }'],
  ['a fragment in itself', '{ ...A } fragment A on Query { ... { ...A } }'],
  [
    'fragments that double each other',
    `{ update(id: "x") { ...F0 } } ${times(90, (n) => `fragment F${n} on Update { identity { id } ${n < 89 ? `...F${n + 1} ... { ...F${n + 1} }` : 'id'} }`)}`,
  ],
  [
    'fragments that double each other, deep',
    `{ update(id: "x") { ...F0 } } ${times(60, (n) => `fragment F${n} on Update { ${n < 59 ? `carriedBy { ...F${n + 1} } replayOf { ...F${n + 1} }` : 'id'} }`)}`,
  ],
  ['many operations', times(400, (n) => `query Q${n} { __typename }`)],
  ['many variables', `query (${times(300, (n) => `$v${n}: Int`)}) { __typename }`],
  [
    'pages in lists',
    '{ updatesById(ids: ["a", "b"]) { replays { replays { replays { replays { id } } } } } }',
  ],
  ['a long name', `{ ${'a'.repeat(200_000)} }`],
  ['a long string', `{ identity(id: "${'x'.repeat(900_000)}") { id } }`],
  ['a long comment', `# ${'x'.repeat(900_000)}\n{ nothing }`],
  [
    'introspection in circles',
    `{ __schema { types { ${'fields { type { '.repeat(12)} name ${'} }'.repeat(12)} } } }`,
  ],
];

test.each(BOMBS)(
  '%s: is answered with a code, at once and without a trace',
  async (_name, query) => {
    const api = await startApi(redis().url);
    const { status, body } = await post(api, { query });
    expect(status).toBeLessThan(500);
    for (const code of codesOf(body)) {
      expect(TOP_LEVEL_CODES.filter((one) => one !== 'INTERNAL_SERVER_ERROR')).toContain(code);
    }
    if (body.errors === undefined) expect(body.extensions.cost.requested).toBeLessThan(20_000);
    expect(api.log()).toBe('');
  },
);

test('mutations are not sent by the dozen: no lists of operations, and each of one costs', async () => {
  const api = await startApi(redis().url, { bucket: { perSecond: 0.001, size: 300 } });
  const one = { query: 'mutation { drainWorker(input: { worker: "w" }) { __typename } }' };
  const list = await post(
    api,
    Array.from({ length: 10 }, () => one),
  );
  expect([list.status, codesOf(list.body)]).toEqual([400, ['BAD_REQUEST']]);
  const guesses = `mutation { ${times(40, (n) => `a${n}: registerIdentity(input: { username: "u", password: "p${n}" }) { __typename }`)} }`;
  const { status, body } = await post(api, { query: guesses });
  expect([status, codesOf(body)]).toEqual([429, ['RATE_LIMITED']]);
  expect(await api.redis.keys(`*${api.keys.prefix}*identity*`)).toEqual([]);
});

test('a body of ten megabytes is read once or not at all', async () => {
  const api = await startApi(redis().url, { maxBodyBytes: 1_000_000 });
  const text = JSON.stringify({
    query: '{ __typename }',
    variables: { a: 'x'.repeat(10_000_000) },
  });
  for (const headers of [{ 'content-length': String(text.length) }, {}]) {
    const answer = await api.fetch({
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...headers },
      body: new Blob([text]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect([answer.status, codesOf(answer.body)]).toEqual([413, ['BODY_TOO_LARGE']]);
  }
  const allowed = await startApi(redis().url);
  const updates = Array.from({ length: 100_000 }, () => ({ identityId: 'x' }));
  const { status, body } = await post(allowed, {
    query:
      'mutation ($u: [UpdateShadowsRowInput!]!) { updateShadows(input: { updates: $u }) { __typename } }',
    variables: { u: updates },
  });
  expect(status).toBeLessThan(500);
  expect(codesOf(body)[0]).toBe('BAD_USER_INPUT');
});

test('a body that never ends is not waited for without end', async () => {
  const api = await startApi(redis().url, { maxBodyBytes: 100_000 });
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(10_000).fill(32)),
  });
  const answer = await api.fetch({
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
    body: endless,
    duplex: 'half',
  } as RequestInit);
  expect(answer.status).toBe(413);
});

test('what a page of another site can send without asking does nothing', async () => {
  const api = await startApi(redis().url, { tokens: [] });
  const query =
    'mutation { registerIdentity(input: { username: "eve", password: "p" }) { __typename } }';
  const json = JSON.stringify({ query });
  const form = new FormData();
  form.set('operations', json);
  form.set('map', '{}');
  // Without a preflight a browser sends these alone: https://fetch.spec.whatwg.org/#cors-safelisted-request-header
  const simple: readonly RequestInit[] = [
    { method: 'POST', body: json, headers: { 'content-type': 'text/plain' } },
    { method: 'POST', body: json, headers: { 'content-type': 'text/plain; x=application/json' } },
    { method: 'POST', body: json },
    { method: 'POST', body: new Blob([json]) },
    {
      method: 'POST',
      body: `query=${encodeURIComponent(query)}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    },
    { method: 'POST', body: form },
    { method: 'GET' },
    { method: 'HEAD' },
  ];
  const url = `http://127.0.0.1/graphql?query=${encodeURIComponent(query)}`;
  for (const request of simple) {
    for (const origin of ['https://evil.example', 'null']) {
      const headers = new Headers(request.headers);
      headers.set('origin', origin);
      headers.set('sec-fetch-site', 'cross-site');
      const answer = await api.fetch({ ...request, headers }, url);
      expect([401, 405, 415]).toContain(answer.status);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  }
  const preflight = await api.fetch(
    {
      method: 'OPTIONS',
      headers: {
        origin: 'https://evil.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    },
    'http://127.0.0.1/graphql',
  );
  expect(preflight.status).toBeGreaterThanOrEqual(400);
  expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  expect(preflight.headers.get('access-control-allow-headers')).toBeNull();
  expect(await api.redis.keys(`*${api.keys.prefix}*identity*`)).toEqual([]);
});

test('another role is reached by no spelling of an operation', async () => {
  const api = await startApi(redis().url);
  const field =
    'createApiToken(input: { name: "eve", role: ADMIN }) { ... on CreateApiTokenSuccess { secret } }';
  const spellings = [
    `mutation { ${field} }`,
    `mutation { x: ${field} }`,
    `mutation M { ...F } fragment F on Mutation { ${field} }`,
    `mutation { ... on Mutation { ... { ${field} } } }`,
    `mutation { ... @skip(if: false) { y: ${field} } }`,
    `query Q { __typename } mutation M { ${field} }`,
  ];
  for (const role of ['viewer', 'operator', 'approver'] as const) {
    for (const query of spellings) {
      const request = { query, operationName: query.startsWith('query Q') ? 'M' : undefined };
      const { body } = await post(api, request, tokenOf(role));
      expect([query, [...new Set(codesOf(body))]]).toEqual([query, ['FORBIDDEN']]);
      expect(JSON.stringify(body)).not.toContain('sct_');
    }
    // One that is allowed does not take along one that is not.
    const mixed = `mutation { a: cancelUpdate(input: { updateId: "x" }) { __typename } ${field} }`;
    expect(codesOf((await post(api, { query: mixed }, tokenOf(role))).body)).toContain('FORBIDDEN');
  }
  expect(await api.redis.keys(`${api.keys.apiTokens}*`)).toEqual([]);
});

test('an id of another kind, another shard or none finds nothing and tells nothing', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const { update } = await updateShadow(api, { identityId, thing: 'device_1', desired: { a: 1 } });
  const ulid = update.id.split('_').at(-1);
  const shards = Array.from({ length: 40 }, (_, n) => `upd_${n.toString(36)}_${ulid}`);
  const ids = [
    ...shards.filter((id) => id !== update.id),
    identityId,
    'idn_x',
    `${update.id}\u0000`,
    ` ${update.id}`,
    `${update.id} `,
    update.id.toLowerCase(),
    `upd_-1_${ulid}`,
    `upd_0x1_${ulid}`,
    `upd_1e3_${ulid}`,
    '*',
    '{',
    'constructor',
    '__proto__',
    '../identity',
    "' OR 1=1 --",
    '${jndi:ldap://x}',
    'a\r\nSET x 1\r\n',
    'x'.repeat(100_000),
  ];
  const before = await api.redis.dbsize();
  for (const id of ids) {
    const { update: found } = await api.run('query ($id: ID!) { update(id: $id) { id } }', { id });
    expect([id, found]).toEqual([id, null]);
    const answer = await updateShadow(api, {
      identityId: id,
      thing: 'device_1',
      desired: { a: 1 },
    });
    if (id !== identityId) expect(answer.code).toBe('IDENTITY_NOT_FOUND');
    const data = await api.run(
      'mutation ($id: ID!) { cancelUpdate(input: { updateId: $id }) { ... on Error { code } } }',
      { id },
    );
    expect(data.cancelUpdate.code).toBe('UPDATE_NOT_FOUND');
  }
  expect(await api.redis.exists('x')).toBe(0);
  expect(await api.redis.dbsize()).toBeLessThan(before + 20);
  expect(api.log()).toBe('');
});

test('headers that other programs heed are of no use here', async () => {
  const api = await startApi(redis().url);
  const headers = {
    'content-type': 'application/json',
    'x-http-method-override': 'DELETE',
    'x-original-url': '/queues',
    'x-forwarded-user': 'admin',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'localhost',
    forwarded: 'for=127.0.0.1',
    'x-real-ip': '127.0.0.1',
    'x-amzn-oidc-identity': 'admin',
  };
  const body = JSON.stringify({ query: '{ fleet { oldestWaitSeconds } }' });
  expect((await api.fetch({ method: 'POST', headers, body })).status).toBe(401);
  const authorized = { ...headers, authorization: `Bearer ${tokenOf('viewer')}` };
  const query = JSON.stringify({ query: '{ apiTokens { nodes { id } } }' });
  const answer = await api.fetch({ method: 'POST', headers: authorized, body: query });
  expect(codesOf(answer.body)).toEqual(['FORBIDDEN']);
  for (const accept of ['*/*', 'text/html', 'image/png', '', 'application/graphql-response+json']) {
    const { status } = await api.fetch({
      method: 'POST',
      headers: { ...authorized, accept },
      body,
    });
    expect(status).toBeLessThan(500);
  }
});

test('a whole look at the schema and the largest bulk are well within the limits', async () => {
  const api = await startApi(redis().url);
  expect(codesOf(await api.send(getIntrospectionQuery()))).toEqual([]);
  const updates = Array.from({ length: 1000 }, (_, n) => ({
    identityId: 'idn_nothing',
    thing: `device_${n}`,
    desired: { power: 'OFF' },
  }));
  const answer = await updateShadows(api, { updates });
  expect([answer.accepted, answer.refused]).toEqual([0, 1000]);
});

async function post(api: TestApi, body: unknown, token = TOKEN) {
  return api.fetch({
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
}
