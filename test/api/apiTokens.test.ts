import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { dumpRedis } from './support/operations.ts';
import { type Json, startApi, type TestApi, TOKEN, tokenOf } from './support/testApi.ts';

const redis = useRedis();

const CREATE = /* GraphQL */ `
  mutation ($input: CreateApiTokenInput!) {
    createApiToken(input: $input) {
      ... on CreateApiTokenSuccess {
        secret
        apiToken { id name role operations prefix state createdBy expiresAt lastUsedAt }
      }
      ... on Error { code message remedy }
    }
  }
`;

const REVOKE = /* GraphQL */ `
  mutation ($input: RevokeApiTokenInput!) {
    revokeApiToken(input: $input) {
      ... on RevokeApiTokenSuccess { apiToken { id state revocation { actor reason at } } }
      ... on Error { code message }
    }
  }
`;

const LIST = /* GraphQL */ `
  query ($first: Int, $after: String) {
    apiTokens(first: $first, after: $after) {
      nodes { id name state lastUsedAt }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

const QUERY = '{ fleet { oldestWaitSeconds } }';

async function create(api: TestApi, input: object, token = TOKEN): Promise<Json> {
  return (await api.run(CREATE, { input }, token)).createApiToken;
}

async function ask(api: TestApi, token: string, query = QUERY) {
  return api.fetch({
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
}

const codeOf = (body: Json) => body.errors?.[0].extensions.code;

test('a token opens what its role opens, is shown once, and kept as a hash only', async () => {
  const api = await startApi(redis().url);
  const { secret, apiToken } = await create(api, { name: 'ci', role: 'OPERATOR' });
  expect(secret).toMatch(/^sct_[\w-]{43}$/);
  expect(apiToken).toMatchObject({
    name: 'ci',
    role: 'OPERATOR',
    operations: null,
    prefix: secret.slice(0, 10),
    state: 'ACTIVE',
    createdBy: 'tests',
    lastUsedAt: null,
  });
  expect((await ask(api, secret)).status).toBe(200);
  const forbidden = await ask(api, secret, '{ apiTokens { nodes { id } } }');
  expect(codeOf(forbidden.body)).toBe('FORBIDDEN');
  const { nodes } = (await api.run(LIST)).apiTokens;
  expect(nodes).toEqual([
    { id: apiToken.id, name: 'ci', state: 'ACTIVE', lastUsedAt: nodes[0].lastUsedAt },
  ]);
  expect(Date.parse(nodes[0].lastUsedAt)).toBeGreaterThan(0);
  const dump = await dumpRedis(api);
  expect(dump).toContain(apiToken.id);
  expect(dump).not.toContain(secret.slice(11));
  expect(api.log()).not.toContain(secret.slice(11));
});

test('a revoked token opens nothing any more, at any API of the deployment', async () => {
  const api = await startApi(redis().url);
  const { secret, apiToken } = await create(api, { name: 'ci', role: 'VIEWER' });
  expect((await ask(api, secret)).status).toBe(200);
  const input = { apiTokenId: apiToken.id, reason: 'it was in a log' };
  const { revokeApiToken } = await api.run(REVOKE, { input });
  expect(revokeApiToken.apiToken).toMatchObject({
    state: 'REVOKED',
    revocation: { actor: 'tests', reason: 'it was in a log' },
  });
  const answer = await ask(api, secret);
  expect([answer.status, codeOf(answer.body)]).toEqual([401, 'UNAUTHENTICATED']);
  expect((await api.run(REVOKE, { input })).revokeApiToken.code).toBe('TOKEN_REVOKED');
});

test('a token whose time is over is refused and says so', async () => {
  const api = await startApi(redis().url);
  const { secret, apiToken } = await create(api, { name: 'ci', role: 'VIEWER' });
  await api.redis.hset(`${api.keys.apiTokens}:${apiToken.id}`, 'expiresAt', Date.now() - 1);
  const answer = await ask(api, secret);
  expect(answer.status).toBe(401);
  expect(answer.body.errors[0].message).toContain(`${apiToken.prefix}… expired at `);
  expect((await api.run(LIST)).apiTokens.nodes[0].state).toBe('EXPIRED');
});

test('a token that was made for some operations does these and no other', async () => {
  const api = await startApi(redis().url);
  const operations = ['fleet', 'cancelUpdate'];
  const { secret } = await create(api, { name: 'ci', role: 'OPERATOR', operations });
  expect((await ask(api, secret)).status).toBe(200);
  expect((await ask(api, secret, '{ __typename }')).status).toBe(200);
  const others = [
    '{ deadUpdates { nodes { id } } }',
    '{ fleet { __typename } x: deadUpdates { nodes { id } } }',
    '{ ... on Query { ... { deadUpdates { nodes { id } } } } }',
    'query A { ...F } fragment F on Query { ...G } fragment G on Query { deadUpdates { nodes { id } } }',
    'mutation { registerIdentity(input: { username: "eve", password: "p" }) { __typename } }',
  ];
  for (const query of others) {
    const { body } = await ask(api, secret, query);
    expect([query, codeOf(body)]).toEqual([query, 'FORBIDDEN']);
    expect(body.errors[0].message).toMatch(/was not made for (deadUpdates|registerIdentity)/);
    expect(body.data).toBeFalsy();
  }
});

test('a token that cannot be is refused with a sentence', async () => {
  const api = await startApi(redis().url);
  const inputs = [
    { name: '', role: 'VIEWER' },
    { name: 'a b', role: 'VIEWER' },
    { name: 'x'.repeat(65), role: 'VIEWER' },
    { name: 'ci', role: 'VIEWER', operations: [] },
    { name: 'ci', role: 'VIEWER', operations: ['dropEverything'] },
    { name: 'ci', role: 'VIEWER', operations: ['__proto__'] },
    { name: 'ci', role: 'VIEWER', expiresIn: '367d' },
    { name: 'ci', role: 'VIEWER', expiresIn: '0s' },
    { name: 'ci', role: 'VIEWER', expiresAt: '2020-01-01T00:00:00Z' },
    { name: 'ci', role: 'VIEWER', expiresAt: '2100-01-01T00:00:00Z' },
    { name: 'ci', role: 'VIEWER', expiresIn: '1h', expiresAt: '2100-01-01T00:00:00Z' },
  ];
  for (const input of inputs) expect((await create(api, input)).code).toBe('TOKEN_INVALID');
  expect((await api.run(LIST)).apiTokens.nodes).toEqual([]);
});

test('only an admin learns of tokens, wherever they come up', async () => {
  const api = await startApi(redis().url);
  const { apiToken } = await create(api, { name: 'ci', role: 'VIEWER' });
  const query = 'query ($id: ID!) { node(id: $id) { id ... on ApiToken { name } } }';
  expect((await api.run(query, { id: apiToken.id })).node.name).toBe('ci');
  for (const role of ['viewer', 'operator', 'approver'] as const) {
    const body = await api.send(query, { id: apiToken.id }, tokenOf(role));
    expect(codeOf(body)).toBe('FORBIDDEN');
    expect(JSON.stringify(body.data)).not.toContain('ci');
  }
});

test('tokens are listed in pages, newest first, and the oldest that ended makes room', async () => {
  const api = await startApi(redis().url);
  const made: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    made.unshift((await create(api, { name: `ci-${n}`, role: 'VIEWER' })).apiToken.id);
  }
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { nodes, pageInfo }: Json = (await api.run(LIST, { first: 2, after })).apiTokens;
    seen.push(...nodes.map(({ id }: { id: string }) => id));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  expect(seen).toEqual(made);
  const filler = Array.from({ length: 995 }, (_, n) => [0, `tok_filler${n}`]).flat();
  await api.redis.zadd(api.keys.apiTokens, ...filler);
  for (let n = 0; n < 995; n += 1) {
    void api.redis.hset(`${api.keys.apiTokens}:tok_filler${n}`, 'expiresAt', 4_102_444_800_000);
  }
  expect((await create(api, { name: 'one-more', role: 'VIEWER' })).code).toBe('TOO_MANY_TOKENS');
  await api.run(REVOKE, { input: { apiTokenId: made[2], reason: 'to make room' } });
  expect((await create(api, { name: 'one-more', role: 'VIEWER' })).apiToken.state).toBe('ACTIVE');
  expect(await api.services.apiTokens.find(made[2] ?? '')).toBeUndefined();
});

test('what looks like a token and is none is refused, and costs no more than a look', async () => {
  const api = await startApi(redis().url);
  const { secret } = await create(api, { name: 'ci', role: 'ADMIN' });
  const guesses = [
    `sct_${'A'.repeat(43)}`,
    `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`,
    `${secret}A`,
    secret.slice(0, -1),
    secret.toUpperCase(),
    secret.slice('sct_'.length),
  ];
  for (const guess of guesses) expect((await ask(api, guess)).status).toBe(401);
});

test('without configured tokens whoever reaches this machine is an admin, under its own name only', async () => {
  const api = await startApi(redis().url, { tokens: [] });
  const send = (url: string, headers: Record<string, string> = {}) =>
    api.fetch(
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: '{ apiTokens { nodes { id } } }' }),
      },
      url,
    );
  for (const host of ['127.0.0.1:4000', 'localhost', '[::1]:4000']) {
    expect((await send(`http://${host}/graphql`)).status).toBe(200);
  }
  // A name of another site's that leads to this machine: DNS rebinding.
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example']) {
    const answer = await send(`http://${host}/graphql`);
    expect([answer.status, codeOf(answer.body)]).toEqual([401, 'UNAUTHENTICATED']);
  }
  const wrong = await send('http://127.0.0.1/graphql', { authorization: 'Bearer wrong' });
  expect(wrong.status).toBe(401);
});

test('a token is not made for an operation that its role may not do', async () => {
  const api = await startApi(redis().url);
  const asked = { name: 'ci', operations: ['update', 'setBudget', 'drainWorker'] };
  expect(await create(api, { ...asked, role: 'OPERATOR' })).toMatchObject({
    code: 'TOKEN_INVALID',
    message: 'setBudget needs the role admin.',
  });
  expect(await create(api, { ...asked, role: 'ADMIN' })).toMatchObject({
    apiToken: { operations: asked.operations },
  });
});

test('a token that is sent in the place of its id is kept nowhere', async () => {
  const api = await startApi(redis().url);
  const { secret } = await create(api, { name: 'ci', role: 'VIEWER' });
  const input = { apiTokenId: secret, reason: 'mistaken' };
  const { revokeApiToken } = await api.run(REVOKE, { input });
  expect(revokeApiToken.code).toBe('TOKEN_NOT_FOUND');
  expect(revokeApiToken.message).not.toContain(secret);
  const { auditLog } = await api.run(
    '{ auditLog(filter: { action: "revokeApiToken" }) { nodes { subjects input code } } }',
  );
  expect(auditLog.nodes).toEqual([
    { subjects: ['[no id]'], input: { apiTokenId: '[no id]' }, code: 'TOKEN_NOT_FOUND' },
  ]);
  expect(await dumpRedis(api)).not.toContain(secret);
});

test('a caller can ask who it is, and what its token was made for', async () => {
  const api = await startApi(redis().url);
  const whoAmI = async (token: string) =>
    (await api.run('{ me { actor role source operations } }', {}, token)).me;
  const { secret } = await create(api, { name: 'ci', role: 'OPERATOR', operations: ['me'] });
  expect(await whoAmI(secret)).toEqual({
    actor: 'ci',
    role: 'OPERATOR',
    source: 'API_TOKEN',
    operations: ['me'],
  });
  expect(await whoAmI(tokenOf('viewer'))).toEqual({
    actor: 'viewer',
    role: 'VIEWER',
    source: 'CONFIGURED_TOKEN',
    operations: null,
  });
});
