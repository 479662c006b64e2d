import { isObjectType, OperationTypeNode } from 'graphql';
import { describe, expect, test } from 'vitest';
import { roleNeeded } from '../../src/api/schema/authorization.ts';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { reaches, ROLES } from '../../src/shared/domain/roles.ts';
import { useRedis } from '../support/useRedis.ts';
import { leastOperation } from './support/leastOperation.ts';
import { keysOf } from './support/operations.ts';
import { startApi, type TestApi, tokenOf } from './support/testApi.ts';

const redis = useRedis();
const schema = buildSchema();

const operations = Object.values(OperationTypeNode).flatMap((operation) =>
  Object.values(schema.getRootType(operation)?.getFields() ?? {}).map((field) => ({
    operation,
    field,
    name: `${operation} ${field.name}`,
    needed: roleNeeded(field),
  })),
);

const ruledTypes = Object.values(schema.getTypeMap()).flatMap((type) => {
  const needed = isObjectType(type) ? roleNeeded(type) : undefined;
  return needed === undefined ? [] : [{ name: type.name, needed }];
});

test('every field of Query, Mutation and Subscription has a rule', () => {
  const unruled = operations.filter(({ needed }) => needed === undefined);
  expect(unruled.map(({ name }) => name)).toEqual([]);
});

test('docs/roles.md says what each role may do', async () => {
  // npx vitest run --project test test/api/roles.test.ts -u writes it anew.
  await expect(renderPage()).toMatchFileSnapshot('../../docs/roles.md');
});

describe.each(operations)('$name', ({ operation, field, needed }) => {
  test('answers to the roles that reach it, and to no other', async () => {
    const api = await startApi(redis().url);
    for (const role of ROLES) {
      const codes = await codesOf(api, leastOperation(operation, field), tokenOf(role));
      const allowed = needed !== undefined && reaches(role, needed);
      expect([role, codes.includes('FORBIDDEN')]).toEqual([role, !allowed]);
      // What is allowed was an operation as the schema wants it, not one that failed before.
      if (allowed) expect(codes).not.toContain('GRAPHQL_VALIDATION_FAILED');
    }
    expect(await codesOf(api, leastOperation(operation, field), 'no-token-of-this-api')).toEqual([
      'UNAUTHENTICATED',
    ]);
  });
});

test('what is refused names the role that it needs and what to do, and nothing but its audit was written', async () => {
  const api = await startApi(redis().url);
  const query =
    'mutation { registerIdentity(input: { username: "eve", password: "her-password" }) { __typename } }';
  const body = await api.send(query, {}, tokenOf('viewer'));
  expect(body).toMatchObject({
    data: null,
    errors: [
      {
        message: 'Mutation.registerIdentity needs the role operator.',
        path: ['registerIdentity'],
        locations: [{ line: 1, column: 12 }],
        extensions: {
          code: 'FORBIDDEN',
          remedy: expect.stringContaining('a token of the role operator or above'),
        },
      },
    ],
  });
  const audit = [api.keys.audit('refusals'), api.keys.auditLast];
  expect(await keysOf(api)).toEqual(audit.toSorted());
  expect(await api.registry.metrics()).toMatch(/outcome="forbidden"\} 1/);
});

async function codesOf(
  api: TestApi,
  operation: { readonly query: string; readonly variables: object },
  token: string,
): Promise<string[]> {
  const { errors = [] } = await api.send(operation.query, operation.variables, token);
  return errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code);
}

function renderPage(): string {
  const may = (needed: string | undefined) =>
    ROLES.map((role) => (needed !== undefined && reaches(role, needed as never) ? 'yes' : '–'));
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = (of: OperationTypeNode) => [
    row([of, ...ROLES]),
    row(['---', ...ROLES.map(() => '---')]),
    ...operations
      .filter(({ operation }) => operation === of)
      .map(({ field, needed }) => row([`\`${field.name}\``, ...may(needed)])),
    '',
  ];
  const used = Object.values(OperationTypeNode).filter((one) => schema.getRootType(one));
  return [
    '# Roles',
    '',
    'Every caller has one of four roles, and each may do all that those before it may. A **viewer** reads. An **operator** acts on what it names: updates, a batch, identities and their connections. An **approver** acts on what a filter finds, on groups and on the fleet, registers many identities at once and removes them. An **admin** decides who may do what, and changes settings.',
    '',
    'The role of a token stands in `API_TOKENS` (`name=role:token`). Whoever falls short gets the top-level error `FORBIDDEN`, which names the role that is needed; nothing of the field was done, and of a mutation the audit log has that it was tried. This page is made out of the schema, and a test tries every line with every role.',
    '',
    ...used.flatMap((of) => [`## ${of.charAt(0).toUpperCase()}${of.slice(1)}`, '', ...table(of)]),
    ...(ruledTypes.length === 0
      ? []
      : [
          '## Types',
          '',
          'Wherever one of these comes up, it answers only to those who may see it.',
          '',
          row(['type', ...ROLES]),
          row(['---', ...ROLES.map(() => '---')]),
          ...ruledTypes.map(({ name, needed }) => row([`\`${name}\``, ...may(needed)])),
          '',
        ]),
  ].join('\n');
}
