import { OperationTypeNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { shardOf } from '../../src/shared/domain/ids.ts';
import { useRedis } from '../support/useRedis.ts';
import { leastOperation } from './support/leastOperation.ts';
import { dumpRedis, register, updateShadow } from './support/operations.ts';
import { type Json, startApi, type TestApi, tokenOf } from './support/testApi.ts';

const redis = useRedis();

const AUDIT_LOG = /* GraphQL */ `
  query ($first: Int, $after: String, $filter: AuditFilter) {
    auditLog(first: $first, after: $after, filter: $filter) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id actor role source action subjects reason address userAgent requestId
        input outcome code before after at beganAt
      }
    }
  }
`;

async function auditLog(api: TestApi, variables: object = {}): Promise<Json> {
  const data: Json = await api.run(AUDIT_LOG, variables);
  return data.auditLog;
}

const RELEASE = `mutation ($input: ReleaseIdentityInput!) {
  releaseIdentity(input: $input) { __typename ... on Error { code } }
}`;

const mutations = Object.values(buildSchema().getMutationType()?.getFields() ?? {});

describe.each(mutations)('$name', (field) => {
  test('leaves an entry that names it, its actor and its outcome', async () => {
    const api = await startApi(redis().url);
    const { query, variables } = leastOperation(OperationTypeNode.MUTATION, field);
    await api.send(query, variables, tokenOf('admin'));
    const { nodes } = await auditLog(api, { filter: { action: field.name } });
    expect(nodes).toHaveLength(1);
    expect(nodes[0].outcome).toMatch(/^(DONE|REFUSED)$/);
    expect([nodes[0].actor, nodes[0].role]).toEqual(['admin', 'ADMIN']);
    expect(nodes[0].code === null).toBe(nodes[0].outcome === 'DONE');
    expect(await api.redis.hlen(api.keys.auditOpen)).toBe(0);
  });
});

test('an entry says who, what, on what, from where and how it ended, and no secret', async () => {
  const api = await startApi(redis().url);
  const query = `mutation ($input: RegisterIdentityInput!) {
    registerIdentity(input: $input) { ... on RegisterIdentitySuccess { identity { id } } }
  }`;
  const input = { username: 'alice', label: 'the first', password: 'hush-hush-hush' };
  const answer = await api.fetch({
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${tokenOf('operator')}`,
      'user-agent': 'a test',
      'x-request-id': 'request-0001',
    },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { id } = answer.body.data.registerIdentity.identity;
  expect(answer.headers.get('x-request-id')).toBe('request-0001');
  const { nodes } = await auditLog(api);
  expect(nodes).toEqual([
    expect.objectContaining({
      actor: 'operator',
      role: 'OPERATOR',
      source: 'CONFIGURED_TOKEN',
      action: 'registerIdentity',
      subjects: [id],
      userAgent: 'a test',
      requestId: 'request-0001',
      input: { username: 'alice', label: 'the first', password: '[secret]' },
      outcome: 'DONE',
      code: null,
    }),
  ]);
  expect(Date.parse(nodes[0].beganAt)).toBeLessThanOrEqual(Date.parse(nodes[0].at));
  expect(await dumpRedis(api)).not.toContain('hush-hush-hush');
  const data: Json = await api.run('query ($id: ID!) { node(id: $id) { id __typename } }', {
    id: nodes[0].id,
  });
  expect(data.node).toEqual({ id: nodes[0].id, __typename: 'AuditEntry' });
});

test('an entry says how things stood before and how they stand after', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const { update } = await updateShadow(api, { identityId, thing: 'device_1', desired: { a: 1 } });
  const cancel = `mutation ($input: CancelUpdateInput!) {
    cancelUpdate(input: $input) { __typename }
  }`;
  await api.run(cancel, { input: { updateId: update.id, reason: 'a mistake' } });
  await api.redis.hset(api.keys.shard(shardOf(identityId, 8)).identity(identityId), {
    status: 'QUARANTINED',
    quarantinedAt: '1',
  });
  await api.run(RELEASE, { input: { identityId } });
  const { nodes } = await auditLog(api, { first: 2 });
  expect(nodes).toEqual([
    expect.objectContaining({
      action: 'releaseIdentity',
      before: expect.objectContaining({ status: 'QUARANTINED' }),
      after: { status: 'ACTIVE' },
    }),
    expect.objectContaining({
      action: 'cancelUpdate',
      subjects: [update.id],
      reason: 'a mistake',
      before: { state: 'QUEUED' },
      after: { state: 'CANCELED' },
    }),
  ]);
});

test('the log is filtered by actor, action, subject, outcome and time, and read in pages', async () => {
  const api = await startApi(redis().url);
  const alice = await register(api, 'alice');
  const bob = await register(api, 'bob');
  await updateShadow(api, { identityId: alice, thing: 'device_1', desired: { power: 'ON' } });
  await updateShadow(api, { identityId: bob, thing: 'device_2', desired: { power: 'ON' } });
  await api.run(RELEASE, { input: { identityId: alice } }, tokenOf('operator'));
  const actions = async (filter: object) =>
    (await auditLog(api, { filter })).nodes.map((node: Json) => node.action);

  expect(await actions({})).toEqual([
    'releaseIdentity',
    'updateShadow',
    'updateShadow',
    'registerIdentity',
    'registerIdentity',
  ]);
  expect(await actions({ actor: 'operator', subject: null })).toEqual(['releaseIdentity']);
  expect(await actions({ subject: alice })).toEqual([
    'releaseIdentity',
    'updateShadow',
    'registerIdentity',
  ]);
  expect(await actions({ outcome: 'REFUSED' })).toEqual(['releaseIdentity']);
  expect(await actions({ action: 'registerIdentity', subject: bob })).toEqual(['registerIdentity']);
  expect(await actions({ since: '2100-01-01T00:00:00Z' })).toEqual([]);
  expect(await actions({ until: '2001-01-01T00:00:00Z' })).toEqual([]);
  expect(await actions({ until: '2100-01-01T00:00:00Z' })).toHaveLength(5);

  const seen: string[] = [];
  let after: string | null = null;
  do {
    const page: Json = await auditLog(api, { first: 2, after });
    seen.push(...page.nodes.map((node: Json) => node.id));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null);
  expect(new Set(seen).size).toBe(5);
  expect(seen).toHaveLength(5);
  expect((await api.send(AUDIT_LOG, { after: 'nonsense' })).errors[0].extensions.code).toBe(
    'PAGE_INVALID',
  );
});

test('within a millisecond entries of different kinds stand in the order of their ends', async () => {
  const api = await startApi(redis().url);
  const { auditLog: log } = api.services;
  const author = { actor: 'tests', role: 'admin', source: 'configured-token', subjects: [] };
  const wanted = Array.from({ length: 200 }, (_, at) => ({
    action: `action${at}`,
    outcome: at % 3 === 0 ? ('REFUSED' as const) : ('DONE' as const),
  }));
  // The last of them are begun and ended, which is another script.
  const begun = wanted.slice(100).map((one) => ({ ...author, action: one.action }));
  const tokens = await Promise.all(begun.map((intent) => log.begin(intent)));
  await Promise.all(
    wanted.map(({ action, outcome }, at) => {
      const token = tokens[at - 100];
      if (token !== undefined) return log.end(token, { ...author, action }, { outcome });
      const kind = outcome === 'DONE' ? 'updates' : 'refusals';
      return log.append(kind, { ...author, action }, { outcome });
    }),
  );
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const page: Json = await auditLog(api, { first: 50, after });
    seen.push(...page.nodes.map((node: Json) => node.action));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after !== null);
  expect(seen).toEqual(wanted.map((one) => one.action).toReversed());
});

test('an entry is written where the clock has gone back, and stands behind those before', async () => {
  const api = await startApi(redis().url);
  const { auditLog: log } = api.services;
  const author = { actor: 'tests', role: 'admin', source: 'configured-token', subjects: [] };
  const ahead = Date.now() + 3_600_000;
  // As a Redis left them that was an hour ahead of the replica that took its place.
  await api.redis.set(api.keys.auditLast, `${ahead}-7`);
  await api.redis.xadd(api.keys.audit('updates'), `${ahead}-7`, 'n', 'before');
  await log.append('updates', { ...author, action: 'first' }, { outcome: 'DONE' });
  await log.append('refusals', { ...author, action: 'second' }, { outcome: 'REFUSED' });
  const { nodes } = await auditLog(api);
  expect(nodes.map((node: Json) => node.action)).toEqual(['second', 'first', 'before']);
});

test('what its process left open gets an entry with the outcome UNKNOWN', async () => {
  const api = await startApi(redis().url);
  const { auditLog: log } = api.services;
  const author = { actor: 'tests', role: 'admin', source: 'configured-token' };
  const intent = { ...author, action: 'moveShard', subjects: ['3'], reason: 'a crash' };
  const token = await log.begin(intent);
  expect(await log.sweep(60_000)).toBe(0);
  expect(await log.sweep(-1)).toBe(1);
  // The process lived on, after all: one entry is enough.
  await log.end(token, intent, { outcome: 'DONE' });
  const { nodes } = await auditLog(api);
  expect(nodes).toHaveLength(1);
  expect(nodes[0]).toMatchObject({ outcome: 'UNKNOWN', subjects: ['3'], reason: 'a crash' });
});

test('a mutation is not begun where its audit cannot be written', async () => {
  const api = await startApi(redis().url);
  const id = await register(api);
  // Something else under the log's key makes every write of it fail.
  await api.redis.del(api.keys.auditOpen);
  await api.redis.set(api.keys.auditOpen, 'in the way');
  const shard = api.keys.shard(shardOf(id, 8));
  const before = await api.redis.hgetall(shard.identity(id));
  const body = await api.send(RELEASE, { input: { identityId: id } });
  expect(body.errors[0].extensions.code).toBe('INTERNAL_SERVER_ERROR');
  expect(await api.redis.hgetall(shard.identity(id))).toEqual(before);
});

test('entries are bounded, many of one kind push out no other, and old ones go', async () => {
  const api = await startApi(redis().url);
  const author = { actor: 'tests', role: 'admin', source: 'configured-token', subjects: [] };
  const { auditLog: log } = api.services;
  await log.append('actions', { ...author, action: 'moveShard' }, { outcome: 'DONE' });
  const sent = { ...author, action: 'updateShadow' };
  await Promise.all(
    Array.from({ length: 2000 }, () => log.append('updates', sent, { outcome: 'DONE' })),
  );
  // Trimming is by whole nodes of a stream, of a hundred entries.
  expect(await api.redis.xlen(api.keys.audit('updates'))).toBeLessThanOrEqual(1100);
  expect((await auditLog(api, { filter: { action: 'moveShard' } })).nodes).toHaveLength(1);

  const old = String(Date.now() - 90_000_000);
  await api.redis.del(api.keys.audit('refusals'));
  for (let at = 0; at < 150; at += 1) {
    await api.redis.xadd(api.keys.audit('refusals'), `${old}-${at}`, 'n', 'drainWorker');
  }
  expect((await auditLog(api, { filter: { action: 'drainWorker' } })).nodes).toEqual([]);
  await log.sweep();
  expect(await api.redis.xlen(api.keys.audit('refusals'))).toBeLessThanOrEqual(100);
});
