import { expect, test } from 'vitest';
import { startRedis } from '../support/redisServer.ts';
import { eventually } from '../support/eventually.ts';
import { REGISTER, register, updateShadow, updateShadows } from './support/operations.ts';
import { startApi } from './support/testApi.ts';

const STACK = /\bat .*[.]ts|node_modules|Error:/;

test('with Redis gone a mutation says that nothing was stored, and works again later', async () => {
  const server = await startRedis({ aof: 'always' });
  const api = await startApi(server.url, { storeTimeoutMs: 1000 });
  const identityId = await register(api);
  const input = { identityId, thing: 'device_1', desired: { power: 'OFF' }, idempotencyKey: 'k' };
  await server.kill();
  const refused = await updateShadow(api, input);
  expect(refused).toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: 'Redis cannot be reached, and nothing was stored.',
  });
  const { registerIdentity } = await api.run(REGISTER, {
    input: { username: 'bob', password: 'his-password' },
  });
  expect(registerIdentity).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  const read = await api.send('query ($id: ID!) { identity(id: $id) { username } }', {
    id: identityId,
  });
  expect(read.errors[0]).toMatchObject({
    message: 'Redis does not answer.',
    extensions: { code: 'STORE_UNAVAILABLE', remedy: expect.any(String) },
  });
  expect(JSON.stringify([refused, registerIdentity, read])).not.toMatch(STACK);
  expect(await api.services.gate.problem()).toBe('Redis does not answer.');

  await server.launch();
  await eventually(async () => {
    const taken = await updateShadow(api, input);
    expect(taken.__typename).toBe('UpdateShadowSuccess');
  });
  const { identity } = await api.run('query ($id: ID!) { identity(id: $id) { pendingUpdates } }', {
    id: identityId,
  });
  expect(identity.pendingUpdates).toBe(1);
  expect(await api.services.gate.problem()).toBeUndefined();
  await server.stop();
});

test('a Redis that hangs is answered for in time; the same key makes it safe to repeat', async () => {
  const server = await startRedis();
  const api = await startApi(server.url, { storeTimeoutMs: 1000 });
  const identityId = await register(api);
  const input = { identityId, thing: 'device_1', desired: { power: 'OFF' }, idempotencyKey: 'k' };
  await updateShadow(api, { ...input, idempotencyKey: 'warm' });
  server.pause();
  const startedAt = performance.now();
  const refused = await updateShadow(api, input);
  expect(performance.now() - startedAt).toBeLessThan(3000);
  expect(refused).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(refused.message).toContain('not known');
  expect(refused.remedy).toContain('same idempotency key');
  server.resume();
  await eventually(async () => {
    expect((await updateShadow(api, input)).__typename).toBe('UpdateShadowSuccess');
  });
  const { identity } = await api.run('query ($id: ID!) { identity(id: $id) { pendingUpdates } }', {
    id: identityId,
  });
  expect(identity.pendingUpdates).toBe(2);
  await server.stop();
});

test('while a Redis hangs nothing more is sent to it, so that nothing of it is done later', async () => {
  const server = await startRedis();
  const api = await startApi(server.url, { storeTimeoutMs: 1000 });
  const identityId = await register(api);
  const update = { identityId, thing: 'device_1', desired: { power: 'OFF' } };
  await updateShadow(api, update);
  server.pause();
  expect((await updateShadow(api, update)).message).toContain('not known');
  const refused = await Promise.all(Array.from({ length: 20 }, () => updateShadow(api, update)));
  for (const { message } of refused) expect(message).toContain('nothing was stored');
  server.resume();
  await eventually(async () => {
    expect((await updateShadow(api, update)).__typename).toBe('UpdateShadowSuccess');
  });
  const { identity } = await api.run('query ($id: ID!) { identity(id: $id) { pendingUpdates } }', {
    id: identityId,
  });
  // The first, the one that is not known, and the last.
  expect(identity.pendingUpdates).toBeLessThanOrEqual(3);
  await server.stop();
});

test('a Redis without memory left is an answer that says so', async () => {
  const server = await startRedis();
  const api = await startApi(server.url);
  const identityId = await register(api);
  const update = { identityId, thing: 'device_1', desired: { power: 'OFF' } };
  const control = server.connect();
  await control.config('SET', 'maxmemory', '1mb');
  for (const answer of [
    await updateShadow(api, update),
    await updateShadow(api, { ...update, idempotencyKey: 'k' }),
    await updateShadows(api, { updates: [update, update] }),
  ]) {
    expect(answer).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: 'Redis has reached its maxmemory and takes nothing more.',
    });
  }
  await control.config('SET', 'maxmemory', '0');
  const { identity } = await api.run('query ($id: ID!) { identity(id: $id) { pendingUpdates } }', {
    id: identityId,
  });
  expect(identity.pendingUpdates).toBe(0);
  expect((await updateShadow(api, { ...update, idempotencyKey: 'k' })).__typename).toBe(
    'UpdateShadowSuccess',
  );
  await server.stop();
});

test('scripts that Redis lost are loaded again, also inside a transaction', async () => {
  const server = await startRedis();
  const api = await startApi(server.url);
  const identityId = await register(api);
  const update = { identityId, thing: 'device_1', desired: { power: 'OFF' } };
  for (const taken of [1, 2, 3]) {
    expect((await updateShadow(api, update)).__typename).toBe('UpdateShadowSuccess');
    const data = await api.run('query ($id: ID!) { identity(id: $id) { pendingUpdates } }', {
      id: identityId,
    });
    expect(data.identity.pendingUpdates).toBe(taken);
    await server.connect().script('FLUSH');
  }
  await server.stop();
});
