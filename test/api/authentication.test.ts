import { timingSafeEqual } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createTokenCheck } from '../../src/api/authentication/configuredTokens.ts';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow } from './support/operations.ts';
import { OTHER_TOKEN, startApi, TOKEN } from './support/testApi.ts';

const redis = useRedis();
const body = JSON.stringify({ query: '{ fleet { oldestWaitSeconds } }' });

describe('a request is refused', () => {
  const table: readonly [string, Record<string, string>][] = [
    ['without a token', {}],
    ['with an empty header', { authorization: '' }],
    ['with a wrong token', { authorization: 'Bearer wrong-wrong-wrong-wrong' }],
    ['with the beginning of a token', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ['with more than a token', { authorization: `Bearer ${TOKEN}x` }],
    ['with a token of another scheme', { authorization: `Basic ${TOKEN}` }],
    ['with a token without its scheme', { authorization: TOKEN }],
    ['with two tokens', { authorization: `Bearer ${TOKEN} ${TOKEN}` }],
    ['with a token in another header', { 'x-api-key': TOKEN }],
    ["with a token's name", { authorization: 'Bearer tests' }],
  ];
  test.each(table)('%s', async (_name, headers) => {
    const api = await startApi(redis().url);
    const answer = await api.fetch({
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(answer.body).toEqual({
      errors: [
        {
          message: expect.stringMatching(/bearer token/),
          extensions: {
            code: 'UNAUTHENTICATED',
            remedy: expect.stringContaining(
              '"Authorization: Bearer <token>" with a token out of API_TOKENS',
            ),
          },
        },
      ],
    });
    expect(JSON.stringify(answer.body)).not.toContain(TOKEN);
  });
});

test('health and the GraphiQL page are open, everything else is not', async () => {
  const api = await startApi(redis().url);
  expect((await api.fetch({}, '/health')).status).toBe(200);
  const page = await api.fetch({ headers: { accept: 'text/html' } });
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.body).toContain('Authorization');
  for (const path of ['/', '/queues', '/graphql?query={fleet{oldestWaitSeconds}}', '/metrics']) {
    expect((await api.fetch({}, path)).status).toBe(401);
  }
  expect((await api.fetch({ method: 'OPTIONS' })).status).toBe(401);
});

test('without GraphiQL its page asks for a token too', async () => {
  const api = await startApi(redis().url, { graphiql: false });
  expect((await api.fetch({ headers: { accept: 'text/html' } })).status).toBe(401);
});

test('an update carries the name of the token that sent it', async () => {
  const api = await startApi(redis().url);
  const input = { identityId: await register(api), thing: 'device_1', desired: { power: 'OFF' } };
  const { update } = await updateShadow(api, input, OTHER_TOKEN);
  const data = await api.run('query ($id: ID!) { update(id: $id) { actor } }', { id: update.id });
  expect(data.update.actor).toBe('others');
});

test('a token is compared by hash with all known ones, whichever fits', () => {
  const tokens = ['first', 'second', 'third'].map((actor) => ({
    actor,
    role: 'operator' as const,
    token: `${actor}-token-of-any-length`.repeat(actor.length),
  }));
  const lengths: number[][] = [];
  const check = createTokenCheck(tokens, (known, given) => {
    lengths.push([known.byteLength, given.byteLength]);
    return timingSafeEqual(known, given);
  });
  expect(check(tokens[0]?.token ?? '')?.actor).toBe('first');
  expect(check(tokens[1]?.token ?? '')?.actor).toBe('second');
  expect(check('x')).toBeUndefined();
  expect(check('')).toBeUndefined();
  expect(lengths).toEqual(Array.from({ length: 12 }, () => [32, 32]));
});
