import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { register, updateShadow } from './support/operations.ts';
import { startApi } from './support/testApi.ts';

const redis = useRedis();

const NODES = /* GraphQL */ `
  query ($ids: [ID!]!) {
    nodes(ids: $ids) {
      __typename
      id
      ... on Identity { username }
      ... on Update { thing }
    }
  }
`;

test('whatever has an id is found by it, in the order that was asked for', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const { update } = await updateShadow(api, {
    identityId,
    thing: 'device_1',
    desired: { power: 'OFF' },
  });
  const ids = [update.id, identityId, update.id];
  const data = await api.run(NODES, { ids });
  const updateNode = { __typename: 'Update', id: update.id, thing: 'device_1' };
  expect(data.nodes).toEqual([
    updateNode,
    { __typename: 'Identity', id: identityId, username: 'alice' },
    updateNode,
  ]);
  const one = await api.run('query ($id: ID!) { node(id: $id) { __typename id } }', { id: ids[1] });
  expect(one.node).toEqual({ __typename: 'Identity', id: identityId });
});

test('an id that nothing has is null, however it is made', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const ulid = identityId.slice('idn_'.length);
  const ids = [
    '',
    '_',
    'upd_',
    'constructor_1',
    '__proto__',
    `upd_0_${ulid}`,
    `upd_zzzz_${ulid}`,
    `upd_${ulid}`,
    `idn_${ulid.toLowerCase()}`,
    `idn_${ulid}x`,
    `${identityId}:secret`,
    `*`,
    `idn_*`,
    `}:identity:${identityId}`,
    ulid,
    Buffer.from(`Identity:${identityId}`).toString('base64'),
    'x'.repeat(100_000),
    '\u0000',
  ];
  const data = await api.run(NODES, { ids: [...ids, identityId] });
  expect(data.nodes.slice(0, -1)).toEqual(ids.map(() => null));
  expect(data.nodes.at(-1).id).toBe(identityId);
  for (const id of ids) {
    const { node } = await api.run('query ($id: ID!) { node(id: $id) { id } }', { id });
    expect(node).toBeNull();
  }
  expect(api.log()).toBe('');
});

test('a page of nodes is bounded', async () => {
  const api = await startApi(redis().url);
  const ids = Array.from({ length: 1001 }, (_, n) => `upd_0_${n}`);
  const { errors } = await api.send(NODES, { ids });
  expect(errors[0].extensions.code).toBe('TOO_MANY_UPDATES');
});
