import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { AUDIENCE, startIssuer, trusting } from './support/issuer.ts';
import { register, updateShadow } from './support/operations.ts';
import { startApi, type TestApi, TOKEN } from './support/testApi.ts';

const redis = useRedis();
const QUERY = '{ fleet { oldestWaitSeconds } }';

async function ask(api: TestApi, token: string) {
  return api.fetch({
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: QUERY }),
  });
}

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token of the issuer is taken, with the role of its group and the name of its user', async () => {
  const issuer = await startIssuer();
  const api = await startApi(redis().url, { jwt: trusting(issuer) });
  const token = await issuer.sign({
    token_use: 'id',
    'cognito:username': 'alice',
    'cognito:groups': ['viewers', 'operators'],
  });
  const input = { identityId: await register(api), thing: 'device_1', desired: { power: 'OFF' } };
  const { update } = await updateShadow(api, input, token);
  const data = await api.run('query ($id: ID!) { update(id: $id) { actor } }', { id: update.id });
  expect(data.update.actor).toBe('alice');
  const viewer = await issuer.sign({ 'cognito:groups': ['viewers'] });
  const body = await api.send(
    'mutation { drainWorker(input: { worker: "w" }) { __typename } }',
    {},
    viewer,
  );
  expect(body.errors[0].extensions.code).toBe('FORBIDDEN');
  expect((await ask(api, TOKEN)).status).toBe(200);
  expect(issuer.fetched).toEqual({ configuration: 1, keys: 1 });
});

describe('the role and the name', () => {
  const table: readonly [string, object, object, number][] = [
    [
      'of a claim inside of an object',
      { roleClaim: 'realm_access.roles' },
      { realm_access: { roles: ['admins'] } },
      200,
    ],
    [
      'of a claim whose name has dots',
      { roleClaim: 'https://a.example/roles' },
      { 'https://a.example/roles': ['admins'] },
      200,
    ],
    ['of a claim with words', { roleClaim: 'scope' }, { scope: 'openid viewers' }, 200],
    ['of no group', {}, { 'cognito:groups': [] }, 403],
    ['of a group without a role', {}, { 'cognito:groups': ['others', 'ADMINS', ' admins'] }, 403],
    ['of a claim that is not there', {}, { 'cognito:groups': undefined }, 403],
    ['of a claim of an odd kind', {}, { 'cognito:groups': [{ admins: true }, 1, null] }, 403],
    ['of what every object has', { roleClaim: 'constructor.name' }, {}, 403],
    ['of a subject', {}, { sub: 'x' }, 200],
    ['of a claim that is set and not there', { actorClaim: 'email' }, {}, 401],
    ['of nobody', {}, { sub: undefined }, 401],
  ];
  test.each(table)('%s', async (_name, options, claims, status) => {
    const issuer = await startIssuer();
    const api = await startApi(redis().url, { jwt: trusting(issuer, options) });
    const answer = await ask(api, await issuer.sign({ ...claims }));
    expect([answer.status, answer.body.errors?.[0].extensions.code]).toEqual([
      status,
      { 200: undefined, 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN' }[status],
    ]);
  });
});

describe('a user pool of Cognito', () => {
  const table: readonly [string, object, number][] = [
    [
      'gives access tokens by client_id',
      { token_use: 'access', client_id: AUDIENCE, aud: undefined },
      200,
    ],
    ['gives id tokens by aud', { token_use: 'id' }, 200],
    [
      'gives access tokens of other apps',
      { token_use: 'access', client_id: 'other', aud: undefined },
      401,
    ],
    ['gives access tokens, whose aud says nothing', { token_use: 'access' }, 401],
    [
      'gives id tokens, whose client_id says nothing',
      { token_use: 'id', client_id: AUDIENCE, aud: 'other' },
      401,
    ],
    ['gives tokens for another use', { token_use: 'refresh' }, 401],
  ];
  test.each(table)('%s', async (_name, claims, status) => {
    const issuer = await startIssuer();
    const api = await startApi(redis().url, { jwt: trusting(issuer) });
    expect((await ask(api, await issuer.sign({ ...claims }))).status).toBe(status);
  });
});

describe('a token is refused', () => {
  test('that expired, is not good yet, or has no end', async () => {
    const issuer = await startIssuer();
    const api = await startApi(redis().url, { jwt: trusting(issuer) });
    const expired = await ask(api, await issuer.sign({ expiresIn: -31 }));
    expect(expired.status).toBe(401);
    expect(expired.body.errors[0].message).toBe('The bearer token has expired.');
    // Within what clocks may differ.
    expect((await ask(api, await issuer.sign({ expiresIn: -20 }))).status).toBe(200);
    const later = Math.floor(Date.now() / 1000) + 3600;
    expect((await ask(api, await issuer.sign({ nbf: later, expiresIn: 7200 }))).status).toBe(401);
    expect((await ask(api, await issuer.sign({ exp: undefined }))).status).toBe(401);
  });

  test('of another issuer, for another audience, or for none', async () => {
    const [issuer, other] = await Promise.all([startIssuer(), startIssuer()]);
    const api = await startApi(redis().url, { jwt: trusting(issuer) });
    const tokens = [
      await other.sign(),
      await other.sign({ iss: issuer.url }),
      await issuer.sign({ iss: other.url }),
      await issuer.sign({ iss: `${issuer.url}/` }),
      await issuer.sign({ iss: undefined }),
      await issuer.sign({ aud: 'another' }),
      await issuer.sign({ aud: [] }),
      await issuer.sign({ aud: undefined }),
    ];
    for (const token of tokens) expect((await ask(api, token)).status).toBe(401);
    expect((await ask(api, await issuer.sign({ aud: ['another', AUDIENCE] }))).status).toBe(200);
    expect(other.fetched).toEqual({ configuration: 0, keys: 0 });
  });

  test('without a signature, with one by the public key as a password, or with its own key', async () => {
    const issuer = await startIssuer('RS256');
    const api = await startApi(redis().url, { jwt: trusting(issuer) });
    const [head = '', payload = '', signature = ''] = (await issuer.sign()).split('.');
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString());
    const admin = base64({
      ...JSON.parse(Buffer.from(payload, 'base64url').toString()),
      'cognito:groups': ['admins'],
    });
    const hs256 = `${base64({ alg: 'HS256', kid })}.${payload}`;
    const mac = createHmac('sha256', await issuer.publicKey())
      .update(hs256)
      .digest('base64url');
    const mallory = await startIssuer('RS256');
    const own = await mallory.sign({ iss: issuer.url, header: { jku: `${mallory.url}/keys` } });
    const tokens = [
      `${base64({ alg: 'none' })}.${payload}.`,
      `${base64({ alg: 'none', kid })}.${payload}.${signature}`,
      `${base64({ alg: 'None', kid })}.${payload}.`,
      `${hs256}.${mac}`,
      `${head}.${admin}.${signature}`,
      `${head}.${payload}.`,
      `${head}.${payload}.${signature.slice(0, -4)}`,
      `${base64({ alg: 'RS256', kid: '../../keys' })}.${payload}.${signature}`,
      `${base64({ alg: 'RS256', kid, crit: ['x'], x: 1 })}.${payload}.${signature}`,
      own,
      `${head}.${payload}.${signature}.${signature}`,
      'a.b.c',
      `${head}.e30.${signature}`,
    ];
    for (const token of tokens) {
      const answer = await ask(api, token);
      expect([answer.status, answer.body.errors[0].extensions.code]).toEqual([
        401,
        'UNAUTHENTICATED',
      ]);
      expect(JSON.stringify(answer.body)).not.toContain(token);
    }
    expect(mallory.fetched.keys).toBe(0);
    // One line of that somebody was turned away, and nothing of a token.
    expect(api.log().trim().split('\n')).toEqual([expect.stringContaining('turned away')]);
    for (const token of tokens) expect(api.log()).not.toContain(token);
  });

  test('of an algorithm that is not set, though the issuer signs by it', async () => {
    const issuer = await startIssuer('ES256');
    const api = await startApi(redis().url, { jwt: trusting(issuer, { algorithms: ['RS256'] }) });
    const answer = await ask(api, await issuer.sign());
    expect(answer.body.errors[0].message).toMatch(/signed in a way that is not allowed/);
  });
});

describe('keys', () => {
  test('that the issuer rotated are fetched once more, and the old ones are gone', async () => {
    const issuer = await startIssuer();
    const api = await startApi(redis().url, { jwt: trusting(issuer) });
    const old = await issuer.sign();
    expect((await ask(api, old)).status).toBe(200);
    await issuer.rotate();
    expect((await ask(api, await issuer.sign())).status).toBe(200);
    expect((await ask(api, await issuer.sign())).status).toBe(200);
    expect(issuer.fetched).toEqual({ configuration: 1, keys: 2 });
    expect((await ask(api, old)).status).toBe(401);
  });

  test('of made-up ids cost the issuer one fetch in a while', async () => {
    const issuer = await startIssuer();
    const jwt = trusting(issuer, { timings: { cooldownMs: 60_000 } });
    const api = await startApi(redis().url, { jwt });
    for (const kid of ['a', 'b', 'c', 'd']) {
      expect((await ask(api, await issuer.sign({ header: { kid } }))).status).toBe(401);
    }
    expect(issuer.fetched.keys).toBe(1);
  });

  test('that cannot be fetched are a 503 with a code, other callers unharmed, and no more once they can', async () => {
    const issuer = await startIssuer();
    const api = await startApi(redis().url, { jwt: trusting(issuer) });
    const token = await issuer.sign();
    for (const status of [500, 404, 302]) {
      issuer.fail(status);
      const answer = await ask(api, token);
      expect([answer.status, answer.body.errors[0].extensions.code]).toEqual([
        503,
        'ISSUER_UNAVAILABLE',
      ]);
      expect(answer.headers.get('retry-after')).toBe('5');
    }
    expect((await ask(api, TOKEN)).status).toBe(200);
    issuer.fail();
    expect((await ask(api, token)).status).toBe(200);
    // What is cached outlives the issuer.
    await issuer.close();
    expect((await ask(api, token)).status).toBe(200);
    const elsewhere = await startApi(redis().url, { jwt: trusting(issuer) });
    expect((await ask(elsewhere, token)).status).toBe(503);
    expect(elsewhere.log()).toBe('');
  });

  test('of an issuer that fails are asked for once a pause, which grows, however many tokens come', async () => {
    const issuer = await startIssuer();
    let clock = 0;
    const timings = { failurePauseMs: 1000, now: () => clock };
    const api = await startApi(redis().url, { jwt: trusting(issuer, { timings }) });
    const tokens = await Promise.all(
      Array.from({ length: 10 }, (_, at) => issuer.sign({ header: { kid: `made-up-${at}` } })),
    );
    const flood = async () => {
      const answers = await Promise.all(tokens.map((token) => ask(api, token)));
      for (const token of tokens) answers.push(await ask(api, token));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
      return issuer.failed;
    };
    issuer.fail(500);
    expect(await flood()).toBe(1);
    clock += 999;
    expect(await flood()).toBe(1);
    clock += 1;
    expect(await flood()).toBe(2);
    clock += 1999;
    expect(await flood()).toBe(2);
    for (let asked = 3; asked < 8; asked += 1) {
      clock += 8000;
      expect(await flood()).toBe(asked);
    }
    issuer.fail();
    expect((await ask(api, await issuer.sign())).status).toBe(503);
    clock += 8000;
    expect((await ask(api, await issuer.sign())).status).toBe(200);
  });

  test('that are known are good while the issuer fails, also where made-up ids have it asked', async () => {
    const issuer = await startIssuer();
    const jwt = trusting(issuer, { timings: { cooldownMs: 0, failurePauseMs: 60_000 } });
    const api = await startApi(redis().url, { jwt });
    const known = await issuer.sign();
    expect((await ask(api, known)).status).toBe(200);
    issuer.fail(500);
    for (const kid of ['a', 'b', 'c', 'd']) {
      expect((await ask(api, await issuer.sign({ header: { kid } }))).status).toBe(503);
      expect((await ask(api, known)).status).toBe(200);
    }
    expect(issuer.failed).toBe(1);
  });

  describe('are not asked for again at once where the answer was', () => {
    const table: readonly [string, string][] = [
      ['no JSON', '<html></html>'],
      ['nothing of the kind', '{}'],
      ['an address that is none', '{ "issuer": "ISSUER", "jwks_uri": "somewhere", "keys": [1] }'],
      ["another issuer's", '{ "issuer": "https://a.example", "jwks_uri": "https://a.example" }'],
    ];
    test.each(table)('%s', async (_name, text) => {
      const issuer = await startIssuer();
      issuer.fail(200, text.replace('ISSUER', issuer.url));
      for (const jwksUrl of [undefined, `${issuer.url}/keys`]) {
        const timings = { failurePauseMs: 60_000 };
        const api = await startApi(redis().url, { jwt: trusting(issuer, { jwksUrl, timings }) });
        const before = issuer.failed;
        const token = await issuer.sign();
        for (let count = 0; count < 3; count += 1) {
          expect((await ask(api, token)).status).toBe(503);
        }
        expect(issuer.failed).toBe(before + 1);
      }
    });
  });

  test('are found at a given address without a configuration', async () => {
    const issuer = await startIssuer();
    const jwt = trusting(issuer, { jwksUrl: `${issuer.url}/keys` });
    const api = await startApi(redis().url, { jwt });
    expect((await ask(api, await issuer.sign())).status).toBe(200);
    expect(issuer.fetched).toEqual({ configuration: 0, keys: 1 });
  });

  test('of a configuration that names another issuer are not used', async () => {
    const issuer = await startIssuer();
    const alias = issuer.url.replace('127.0.0.1', 'localhost');
    const api = await startApi(redis().url, { jwt: trusting(issuer, { issuers: [alias] }) });
    expect((await ask(api, await issuer.sign({ iss: alias }))).status).toBe(503);
    expect(issuer.fetched).toEqual({ configuration: 1, keys: 0 });
  });
});
