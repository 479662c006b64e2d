import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { startApi, type TestApi, TOKEN } from './support/testApi.ts';

const redis = useRedis();
const QUERY = '{ fleet { oldestWaitSeconds } }';

function post(api: TestApi, body: BodyInit, type = 'application/json') {
  const headers = { 'content-type': type, authorization: `Bearer ${TOKEN}` };
  return api.fetch({ method: 'POST', headers, body, duplex: 'half' } as RequestInit);
}

test('operations come by POST only', async () => {
  const api = await startApi(redis().url);
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const answer = await api.fetch(
      { method, headers: { authorization: `Bearer ${TOKEN}` } },
      `/graphql?query=${encodeURIComponent(QUERY)}`,
    );
    expect(answer.status).toBe(405);
    expect(answer.body.errors[0].extensions.code).toBe('METHOD_NOT_ALLOWED');
  }
});

test('operations come as JSON only, which no page of another site can send unasked', async () => {
  const api = await startApi(redis().url);
  const body = JSON.stringify({ query: QUERY });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/graphql']) {
    const answer = await post(api, body, type);
    expect(answer.status).toBe(415);
    expect(answer.body.errors[0].extensions.code).toBe('UNSUPPORTED_MEDIA_TYPE');
  }
  expect((await post(api, body, 'application/json; charset=utf-8')).status).toBe(200);
  expect((await post(api, body)).headers.get('access-control-allow-origin')).toBeNull();
});

test('what is not one JSON operation is refused with a sentence', async () => {
  const api = await startApi(redis().url);
  const bodies: readonly (readonly [BodyInit, RegExp])[] = [
    ['{"query": ', /not valid JSON/],
    ['"query"', /must be an object/],
    ['null', /must be an object/],
    [`[{"query":"${QUERY}"},{"query":"${QUERY}"}]`, /one operation at a time/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /not valid UTF-8/],
    [`{"query":"{x}","variables":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`, /nests/],
    ['{}', /query/],
    [`{"query":"${QUERY}","variables":"x"}`, /variables/i],
  ];
  for (const [body, sentence] of bodies) {
    const answer = await post(api, body);
    expect(answer.body.errors[0].message).toMatch(sentence);
    expect(answer.body.errors[0].extensions.code).toMatch(/^BAD_/);
    expect(JSON.stringify(answer.body)).not.toMatch(/\.ts:|at async/);
  }
  expect(api.log()).toBe('');
});

test('a body beyond the limit is refused, whether or not it says its length', async () => {
  const api = await startApi(redis().url, { maxBodyBytes: 2000 });
  const large = JSON.stringify({ query: QUERY, variables: { x: 'y'.repeat(2000) } });
  const stream = () => new Blob([large]).stream();
  const headers = { 'content-length': String(large.length), 'content-type': 'application/json' };
  const declared = await api.fetch({
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${TOKEN}` },
    body: large,
  });
  for (const answer of [declared, await post(api, stream())]) {
    expect(answer.status).toBe(413);
    expect(answer.body.errors[0].extensions.code).toBe('BODY_TOO_LARGE');
  }
});

test('operations that are too deep, too long or have too many aliases are refused', async () => {
  const api = await startApi(redis().url);
  const nested = `{ ${'identity(id: "x") { '.repeat(1)}${'connection { '.repeat(20)} state ${'}'.repeat(22)}`;
  const aliases = `{ ${Array.from({ length: 60 }, (_, n) => `a${n}: fleet { oldestWaitSeconds }`).join(' ')} }`;
  const long = `{ ${'fleet { oldestWaitSeconds } '.repeat(600)} }`;
  const literal = `{ updatesById(ids: ${'['.repeat(900)}${']'.repeat(900)}) { id } }`;
  for (const query of [nested, aliases, long, literal]) {
    const { errors } = await api.send(query);
    expect(errors[0].extensions.code).not.toBe('INTERNAL_SERVER_ERROR');
  }
  expect((await api.send(aliases)).errors[0].message).toMatch(/[Aa]lias/);
  expect((await api.send(long)).errors[0].message).toMatch(/Token limit/);
  expect((await api.send(nested)).errors.map((e: Error) => e.message).join()).toMatch(/depth/);
  expect(api.log()).toBe('');
});

test('a compressed body is refused as that, and not as broken text', async () => {
  const api = await startApi(redis().url);
  const { status, body } = await api.fetch({
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      authorization: `Bearer ${TOKEN}`,
    },
    body: gzipSync(JSON.stringify({ query: QUERY })),
  });
  expect(status).toBe(415);
  expect(body.errors[0]).toMatchObject({
    message: expect.stringContaining('Content-Encoding'),
    extensions: { code: 'UNSUPPORTED_MEDIA_TYPE' },
  });
});
