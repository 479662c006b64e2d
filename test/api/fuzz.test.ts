import * as fc from 'fast-check';
import { parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { TOP_LEVEL_CODES } from '../../src/api/topLevelCodes.ts';
import { ROLES } from '../../src/shared/domain/roles.ts';
import { ERROR_CATALOGUE } from '../../src/shared/errors/catalogue.ts';
import { useRedis } from '../support/useRedis.ts';
import { anyOperation, SECRET_MARK } from './support/anyOperation.ts';
import { dumpRedis, register, updateShadow } from './support/operations.ts';
import { startApi, type TestApi, tokenOf } from './support/testApi.ts';

const redis = useRedis();
const schema = buildSchema();
/** Bounded: these run with every test run. The seed of a failure is printed by fast-check. */
const RUNS = 300;

const KNOWN_CODES: ReadonlySet<string> = new Set([
  ...TOP_LEVEL_CODES.filter((code) => code !== 'INTERNAL_SERVER_ERROR'),
  ...Object.keys(ERROR_CATALOGUE),
]);

/** Things of every kind that an operation may name. */
async function fill(api: TestApi): Promise<readonly string[]> {
  const identityId = await register(api, 'alice');
  const other = await register(api, 'bob');
  const { update } = await updateShadow(api, { identityId, thing: 'device_1', desired: { a: 1 } });
  const { id } = await api.services.apiTokens.create({
    name: 'ci',
    role: 'viewer',
    operations: undefined,
    expiresAt: Date.now() + 3_600_000,
    createdBy: 'tests',
  });
  return [identityId, other, update.id, id, 'upd_0_nothing', 'nothing'];
}

test('whatever the schema allows to be asked is answered, by data or a code, and no secret comes back', async () => {
  const api = await startApi(redis().url, { shadowReadTimeoutMs: 50 });
  const ids = await fill(api);
  const seen = { valid: 0, data: 0, codes: new Set<string>() };
  await fc.assert(
    fc.asyncProperty(
      anyOperation(schema, ids),
      fc.constantFrom(...ROLES),
      async ({ query, variables }, role) => {
        const { status, body } = await api.fetch({
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${tokenOf(role)}` },
          body: JSON.stringify({ query, variables }),
        });
        expect(status).toBeLessThan(500);
        expect(body.errors ?? body.data).toBeTruthy();
        for (const { extensions } of body.errors ?? []) {
          expect(KNOWN_CODES).toContain(extensions.code);
          seen.codes.add(extensions.code);
        }
        const text = JSON.stringify(body);
        expect(text).not.toContain(SECRET_MARK);
        expect(text).not.toMatch(/\.ts:\d|node_modules|ReplyError/);
        expect(api.log()).not.toContain(SECRET_MARK);
        expect(unexpected(api.log())).toEqual([]);
        if (body.data) seen.data += 1;
        if (isValid(query)) seen.valid += 1;
      },
    ),
    { numRuns: RUNS, endOnFailure: true },
  );
  expect(await dumpRedis(api)).not.toContain(SECRET_MARK);
  // Of the operations enough must get where things are done.
  expect(seen.valid).toBeGreaterThan(RUNS / 3);
  expect(seen.data).toBeGreaterThan(RUNS / 10);
  expect(seen.codes).toContain('FORBIDDEN');
  expect(seen.codes).toContain('BAD_USER_INPUT');
});

function isValid(query: string): boolean {
  try {
    return validate(schema, parse(query)).length === 0;
  } catch {
    return false;
  }
}

/** The log lines that are there for another reason than that callers lack a role. */
function unexpected(log: string): readonly string[] {
  return log
    .split('\n')
    .filter((line) => line !== '' && !line.includes('"msg":"a caller was turned away"'));
}
