import { readFileSync } from 'node:fs';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  specifiedScalarTypes,
} from 'graphql';
import { expect, test } from 'vitest';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { ERROR_CATALOGUE } from '../../src/shared/errors/catalogue.ts';
import * as sets from '../../src/shared/domain/sets.ts';
import { startProgram } from '../support/processes.ts';

const schema = buildSchema();
const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__'));

test('schema.graphql is what the code makes, with no environment at all', async () => {
  const printed = await startProgram('src/api/printSchema.ts');
  expect(await printed.exited).toEqual({ code: 0, signal: null });
  expect(printed.stderr).toBe('');
  // npm run schema writes it anew.
  expect(readFileSync('schema.graphql', 'utf8')).toBe(printed.stdout);
});

test('every type, field, argument and value says what it is', () => {
  const silent: string[] = [];
  const look = (path: string, described: { readonly description?: string | null | undefined }) => {
    if (!described.description) silent.push(path);
  };
  for (const type of types) {
    look(type.name, type);
    if (isEnumType(type)) {
      for (const value of type.getValues()) look(`${type.name}.${value.name}`, value);
    }
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        look(`${type.name}.${field.name}`, field);
        for (const arg of field.args) look(`${type.name}.${field.name}(${arg.name})`, arg);
      }
    }
    if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) {
        look(`${type.name}.${field.name}`, field);
      }
    }
  }
  expect(silent).toEqual([]);
});

test('every mutation answers with a union that has RequestError in it', () => {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const members = schema.getPossibleTypes(getNamedType(field.type) as never);
    expect(members.map(({ name }) => name)).toContain('RequestError');
    expect(members).toHaveLength(2);
  }
});

test('enums are the closed sets of the domain', () => {
  const enums = {
    UpdateState: sets.UPDATE_STATES,
    Milestone: sets.MILESTONES,
    ConfirmLevel: sets.CONFIRM_LEVELS,
    WaitReason: sets.WAIT_REASONS,
    Stage: sets.STAGES,
    Gate: sets.GATES,
    FailureCode: sets.FAILURE_CODES,
    IdentityStatus: sets.IDENTITY_STATUSES,
    ConnectionState: sets.CONNECTION_STATES,
    ErrorCode: Object.keys(ERROR_CATALOGUE),
  };
  for (const [name, values] of Object.entries(enums)) {
    const type = schema.getType(name);
    if (!isEnumType(type)) throw new Error(`${name} is not an enum`);
    expect(
      type
        .getValues()
        .map(({ value }) => value as string)
        .sort(),
    ).toEqual([...values].sort());
  }
});

/** What is shown once, and what tells of a token or a secret without telling it. */
const SHOWN_ONCE_OR_ABOUT = new Set([
  'CreateApiTokenSuccess.secret',
  'CreateApiTokenSuccess.apiToken',
  'RevokeApiTokenSuccess.apiToken',
  'Query.apiTokens',
  'Mutation.createApiToken',
  'Mutation.revokeApiToken',
  'CreateWebhookSuccess.secret',
  'RotateWebhookSecretSuccess.secret',
  'Mutation.rotateWebhookSecret',
  'Webhook.formerSecretUntil',
]);

test('no answer has a field that could hold a secret', () => {
  const secret = types.filter(isScalarType).find(({ name }) => name === 'Secret');
  expect(secret).toBeDefined();
  const answers = types.filter((one) => isObjectType(one) || isInterfaceType(one));
  for (const type of answers.filter((one) => one !== schema.getMutationType())) {
    for (const field of Object.values(type.getFields())) {
      expect(getNamedType(field.type)).not.toBe(secret);
      const path = `${type.name}.${field.name}`;
      if (!SHOWN_ONCE_OR_ABOUT.has(path)) expect(path).not.toMatch(/\..*(password|secret|token)/i);
    }
  }
});

test('every scalar is ours to check or one that GraphQL specifies', () => {
  const ours = ['DateTime', 'Duration', 'JSONObject', 'Secret', 'ShadowName', 'ThingName'];
  const names = types.filter(isScalarType).map(({ name }) => name);
  const specified = specifiedScalarTypes.map(({ name }) => name);
  expect(names.filter((name) => !specified.includes(name)).sort()).toEqual(ours);
});
