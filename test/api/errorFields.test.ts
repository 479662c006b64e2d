import { isInputObjectType, isNonNullType } from 'graphql';
import { expect, test } from 'vitest';
import { FIELDS_OF } from '../../src/api/inputField.ts';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { type Json, startApi } from './support/testApi.ts';

const redis = useRedis();
const schema = buildSchema();

/** The type of a mutation's input. */
function inputType(mutation: string) {
  const type = schema.getMutationType()?.getFields()[mutation]?.args[0]?.type;
  const named = isNonNullType(type) ? type.ofType : type;
  if (!isInputObjectType(named)) throw new TypeError(`${mutation} has no input`);
  return named;
}

const update = { identityId: 'IDENTITY', thing: 'device_1', desired: { power: 'ON' } };
const user = { username: 'bob', password: 'his-password' };
const reason = 'a test';
const nobody = 'idn_00000000000000000000000000';

test.each([
  ['updateShadow', { ...update, thing: 'a/b' }, 'THING_NAME_INVALID', 'thing'],
  ['updateShadow', { ...update, shadow: 'a/b' }, 'SHADOW_NAME_INVALID', 'shadow'],
  ['updateShadow', { ...update, desired: [] }, 'DESIRED_INVALID', 'desired'],
  ['updateShadow', { ...update, labels: ['a b'] }, 'LABELS_INVALID', 'labels'],
  [
    'updateShadow',
    { ...update, expectedVersion: -1 },
    'EXPECTED_VERSION_INVALID',
    'expectedVersion',
  ],
  [
    'updateShadow',
    { ...update, expiresAt: '2001-01-01T00:00:00Z' },
    'EXPIRES_AT_INVALID',
    'expiresAt',
  ],
  [
    'updateShadow',
    { ...update, notBefore: '2999-01-01T00:00:00Z' },
    'NOT_BEFORE_INVALID',
    'notBefore',
  ],
  ['updateShadow', { ...update, delay: '400d' }, 'NOT_BEFORE_INVALID', 'delay'],
  ['updateShadow', { ...update, wait: '2h' }, 'WAIT_INVALID', 'wait'],
  ['updateShadow', { ...update, idempotencyKey: '' }, 'IDEMPOTENCY_KEY_INVALID', 'idempotencyKey'],
  ['updateShadow', { ...update, identityId: nobody }, 'IDENTITY_NOT_FOUND', 'identityId'],
  ['updateShadow', { ...update, group: 'plant' }, 'TARGET_INVALID', 'identityId'],
  ['updateShadow', { ...update, identityId: null, group: 'plant' }, 'GROUP_NOT_FOUND', 'group'],
  ['updateShadow', { ...update, identityId: null }, 'TARGET_INVALID', null],
  ['updateShadows', { updates: [] }, 'NO_UPDATES', 'updates'],
  ['updateShadows', { updates: [update], label: '' }, 'LABEL_INVALID', 'label'],
  ['registerIdentity', { ...user, username: 'b ob' }, 'USERNAME_INVALID', 'username'],
  ['registerIdentity', { ...user, username: 'alice' }, 'IDENTITY_EXISTS', 'username'],
  ['registerIdentity', { ...user, password: ' ' }, 'PASSWORD_INVALID', 'password'],
  ['registerIdentity', { username: 'bob' }, 'SECRET_INVALID', null],
  ['registerIdentity', { ...user, tags: ['a,b'] }, 'TAGS_INVALID', 'tags'],
  ['cancelUpdate', { updateId: 'upd_0_nothing' }, 'UPDATE_NOT_FOUND', 'updateId'],
  ['cancelBatch', { batchId: 'b_nothing', reason }, 'BATCH_NOT_FOUND', 'batchId'],
  ['cancelBatch', { batchId: 'b_nothing', reason: ' ' }, 'REASON_INVALID', 'reason'],
  ['releaseIdentity', { identityId: 'IDENTITY' }, 'IDENTITY_NOT_QUARANTINED', 'identityId'],
  ['moveShard', { shard: 99, worker: 'w' }, 'SHARD_NOT_FOUND', 'shard'],
  ['drainWorker', { worker: 'w' }, 'WORKER_NOT_FOUND', 'worker'],
  ['createGroup', { name: 'a b' }, 'GROUP_NAME_INVALID', 'name'],
  ['createGroup', { name: 'ab', description: ' ' }, 'LABEL_INVALID', 'description'],
  ['deleteGroup', { group: 'plant', reason }, 'GROUP_NOT_FOUND', 'group'],
  [
    'createWebhook',
    { name: 'w', url: 'ftp://x', events: ['BATCH_ENDED'] },
    'WEBHOOK_URL_INVALID',
    'url',
  ],
  ['startBulkAction', { previewId: 'nothing', reason }, 'PREVIEW_NOT_FOUND', 'previewId'],
])('%s of %j is %s, and the field is %s', async (mutation, input, code, field) => {
  const api = await startApi(redis().url);
  const id = await register(api);
  const given: unknown = JSON.parse(JSON.stringify(input).replaceAll('"IDENTITY"', `"${id}"`));
  const data: Json = await api.run(
    `mutation ($input: ${inputType(mutation).name}!) {
      result: ${mutation}(input: $input) { ... on Error { code field } }
    }`,
    { input: given },
  );
  expect(data.result).toEqual({ code, field });
});

test('a row names the field of its own that is at fault', async () => {
  const api = await startApi(redis().url);
  const identityId = await register(api);
  const data: Json = await api.run(
    `mutation ($updates: UpdateShadowsInput!, $users: RegisterIdentitiesInput!) {
      updateShadows(input: $updates) {
        ... on UpdateShadowsSuccess { rows { error { code field } } }
      }
      registerIdentities(input: $users) {
        ... on RegisterIdentitiesSuccess { rows { error { code field } } }
      }
    }`,
    {
      updates: {
        updates: [
          { ...update, identityId },
          { ...update, identityId, thing: ' ' },
        ],
      },
      users: { identities: [user, { ...user, username: ' ' }] },
    },
  );
  expect(data.updateShadows.rows.map(({ error }: Json) => error?.field)).toEqual([
    undefined,
    'thing',
  ]);
  expect(data.registerIdentities.rows.map(({ error }: Json) => error?.field)).toEqual([
    undefined,
    'username',
  ]);
});

test('every field that an error may name is one of an input', () => {
  const names = new Set<string>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (isInputObjectType(type)) for (const name of Object.keys(type.getFields())) names.add(name);
  }
  expect(
    Object.values(FIELDS_OF)
      .flat()
      .filter((name) => !names.has(name)),
  ).toEqual([]);
});
