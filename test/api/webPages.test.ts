import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadows } from './support/operations.ts';
import { startApi, type TestApi, TOKEN, tokenOf } from './support/testApi.ts';

const redis = useRedis();
const HTML = { accept: 'text/html' };

async function signIn(api: TestApi, token: string, next = '/queues'): Promise<Response> {
  return api.page('/login', { method: 'POST', body: new URLSearchParams({ token, next }) });
}

async function sessionOf(api: TestApi, token: string): Promise<string> {
  const cookie = (await signIn(api, token)).headers.get('set-cookie') ?? '';
  return cookie.split(';', 1)[0] ?? '';
}

const operation = (cookie: string, more: Readonly<Record<string, string>> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', cookie, ...more },
  body: JSON.stringify({ query: '{ fleet { oldestWaitSeconds } }' }),
});

test('pages lead to the sign-in, which leads back and no further', async () => {
  const api = await startApi(redis().url);
  for (const [path, next] of [
    ['/graphql', '/graphql'],
    ['/queues', '/queues'],
    ['/queues/queue/shard-1.deliver', '/queues'],
    ['/', '/'],
  ] as const) {
    const answer = await api.page(path, { headers: HTML });
    expect([path, answer.status]).toEqual([path, 302]);
    expect(answer.headers.get('location')).toBe(`/login?next=${encodeURIComponent(next)}`);
  }
  const form = await (await api.page('/login?next=https://elsewhere.example')).text();
  expect(form).toContain('name="next" value="/"');
  const away = await signIn(api, TOKEN, 'https://elsewhere.example');
  expect(away.headers.get('location')).toBe('/');
});

test('a wrong token is not taken and says why, and nothing of it is repeated', async () => {
  const api = await startApi(redis().url);
  const wrong = '<script>alert(1)</script>';
  const answer = await signIn(api, wrong);
  expect(answer.status).toBe(401);
  expect(answer.headers.get('set-cookie')).toBeNull();
  const page = await answer.text();
  expect(page).toContain('not one that this API knows');
  expect(page).not.toContain('alert(1)');
  expect(api.log()).not.toContain('alert(1)');
});

test('a sign-in takes no more than a form, whoever sends it', async () => {
  const api = await startApi(redis().url);
  const answer = await signIn(api, 'a'.repeat(100_000));
  expect([answer.status, await answer.text()]).toEqual([413, 'This is no form of the sign-in.']);
});

test('a session is sealed, out of reach of scripts, and counts for pages of this address only', async () => {
  const api = await startApi(redis().url);
  const signedIn = await signIn(api, TOKEN);
  expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/queues']);
  const header = signedIn.headers.get('set-cookie') ?? '';
  expect(header).toMatch(/HttpOnly/);
  expect(header).toMatch(/SameSite=Strict/);
  expect(header).not.toContain(TOKEN);
  const cookie = header.split(';', 1)[0] ?? '';
  const secure = await api.page('/login', {
    method: 'POST',
    headers: { 'x-forwarded-proto': 'https' },
    body: new URLSearchParams({ token: TOKEN }),
  });
  expect(secure.headers.get('set-cookie')).toMatch(/Secure/);

  expect((await api.fetch(operation(cookie, { 'sec-fetch-site': 'same-origin' }))).status).toBe(
    200,
  );
  expect((await api.fetch(operation(cookie, { origin: 'http://api' }))).status).toBe(200);
  for (const foreign of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'http://elsewhere.example' },
    { origin: 'null' },
  ]) {
    const answer = await api.fetch(operation(cookie, foreign));
    expect([foreign, answer.status]).toEqual([foreign, 401]);
  }
  const forged = `${cookie.slice(0, -4)}AAAA`;
  expect((await api.fetch(operation(forged))).status).toBe(401);
});

test('a session ends with its time, with its token, and with a sign-out', async () => {
  const api = await startApi(redis().url, { sessionMs: -1 });
  const cookie = await sessionOf(api, TOKEN);
  expect((await api.fetch(operation(cookie))).status).toBe(401);
  const out = await api.page('/logout', { headers: { cookie } });
  expect(out.headers.get('set-cookie')).toMatch(/courier_session=;.*Max-Age=0/);
});

test('GraphiQL is served to who has signed in', async () => {
  const api = await startApi(redis().url);
  const cookie = await sessionOf(api, tokenOf('viewer'));
  const answer = await api.page('/graphql', { headers: { ...HTML, cookie } });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('Shadow Courier');
  const without = await startApi(redis().url, { graphiql: false });
  const session = await sessionOf(without, TOKEN);
  expect((await without.page('/graphql', { headers: { ...HTML, cookie: session } })).status).toBe(
    404,
  );
});

test('Bull Board shows every shard and its jobs, and lets only an admin change them', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  await updateShadows(api, { updates: [{ identityId, thing: 'device_1', desired: { on: true } }] });
  const asked = async (role: 'viewer' | 'approver' | 'admin', path: string, init?: RequestInit) => {
    const headers = { ...HTML, cookie: await sessionOf(api, tokenOf(role)) };
    return api.page(path, { ...init, headers });
  };
  const page = await asked('viewer', '/queues');
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'self'/);
  const html = await page.text();
  const script = /src="(static\/[^"]+\.js)"/.exec(html)?.[1] ?? '';
  expect((await asked('viewer', `/queues/${script}`)).status).toBe(200);

  const listed = await (await asked('viewer', '/queues/api/queues')).json();
  const queues = (listed as { queues: { name: string; readOnlyMode: boolean }[] }).queues;
  const ofShards = Array.from({ length: 8 }, (_, shard) => `shard-${shard}.deliver`);
  expect(queues.map(({ name }) => name)).toEqual(ofShards);
  expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);

  const pause = { method: 'PUT' };
  const path = '/queues/api/queues/shard-3.deliver/pause';
  for (const role of ['viewer', 'approver'] as const) {
    expect((await asked(role, path, pause)).status).toBe(403);
  }
  expect((await asked('admin', path, pause)).status).toBe(200);
  const again = await (await asked('admin', '/queues/api/queues')).json();
  const paused = (again as { queues: { name: string; isPaused: boolean }[] }).queues;
  // What becomes of deliveries to webhooks is for admins, as it is in the API.
  expect(paused.map(({ name }) => name)).toEqual([...ofShards, 'webhooks']);
  expect((await asked('viewer', '/queues/api/queues/webhooks')).status).toBe(404);
  expect(paused.filter(({ isPaused }) => isPaused).map(({ name }) => name)).toEqual([
    'shard-3.deliver',
  ]);
  const audited = await api.redis.xrange(api.keys.audit('actions'), '-', '+');
  expect(JSON.stringify(audited)).toContain('queues/shard-3.deliver/pause');
});

test('who changes something on the board is recorded with the address that the proxy saw', async () => {
  const api = await startApi(redis().url, { trustedHops: 1 });
  await api.page('/queues/api/queues/shard-3.deliver/pause', {
    method: 'PUT',
    headers: { authorization: `Bearer ${TOKEN}`, 'x-forwarded-for': '192.0.2.1, 192.0.2.7' },
  });
  const [entry] = await api.redis.xrange(api.keys.audit('actions'), '-', '+');
  expect(entry?.[1]).toContain('192.0.2.7');
});

test('what the board refuses or fails at is not recorded as done', async () => {
  const api = await startApi(redis().url);
  const headers = { authorization: `Bearer ${TOKEN}` };
  const send = async (path: string, method: string) =>
    (await api.page(`/queues/api/queues/${path}`, { method, headers })).status;
  expect(await send('shard-3.deliver/pause', 'PUT')).toBe(200);
  expect(await send('shard-99.deliver/pause', 'PUT')).toBe(404);
  const states = (await api.redis.keys('*:meta')).filter((key) => key.includes(api.keys.prefix));
  expect(states.length).toBeGreaterThan(0);
  for (const state of states) {
    await api.redis.del(state);
    await api.redis.set(state, 'in the way');
  }
  expect(await send('shard-3.deliver/resume', 'PUT')).toBe(500);
  const { auditLog } = await api.run('query { auditLog { nodes { subjects outcome code } } }');
  expect(auditLog.nodes).toEqual([
    { subjects: ['queues/shard-3.deliver/resume'], outcome: 'UNKNOWN', code: 'HTTP_500' },
    { subjects: ['queues/shard-99.deliver/pause'], outcome: 'REFUSED', code: 'HTTP_404' },
    { subjects: ['queues/shard-3.deliver/pause'], outcome: 'DONE', code: null },
  ]);
});

test('a token for single operations opens no board, which is none of them', async () => {
  const api = await startApi(redis().url);
  const { secret } = await api.services.apiTokens.create({
    name: 'poller',
    role: 'admin',
    operations: ['fleet'],
    expiresAt: Date.now() + 60_000,
    createdBy: 'tests',
  });
  const cookie = await sessionOf(api, secret);
  for (const path of ['/queues', '/queues/api/queues']) {
    expect((await api.page(path, { headers: { cookie } })).status).toBe(403);
  }
});

test('the board asks for a session, and a script gets an answer that it can read', async () => {
  const api = await startApi(redis().url);
  const answer = await api.page('/queues/api/queues', { headers: { accept: 'application/json' } });
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('the board is found with a slash behind it, too', async () => {
  const api = await startApi(redis().url);
  const headers = { ...HTML, cookie: await sessionOf(api, tokenOf('viewer')) };
  const answer = await api.page('/queues/', { headers });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/queues']);
});
