import { parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { GRAPHIQL_EXAMPLES } from '../../src/api/graphiqlExamples.ts';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { useRedis } from '../support/useRedis.ts';
import { register } from './support/operations.ts';
import { startApi, tokenOf } from './support/testApi.ts';

const redis = useRedis();
const schema = buildSchema();

test.each(GRAPHIQL_EXAMPLES)('the example of GraphiQL is of this schema: $query', ({ query }) => {
  expect(validate(schema, parse(query))).toEqual([]);
});

test('each example can be sent as it is by an operator, and does what it says', async () => {
  const api = await startApi(redis().url, { shadowReadTimeoutMs: 50 });
  const identityId = await register(api);
  for (const { query, variables } of GRAPHIQL_EXAMPLES) {
    if (query.includes('subscription ')) continue;
    const withIdentity = JSON.parse(JSON.stringify(variables).replaceAll('idn_…', identityId));
    // Nobody delivers here.
    delete withIdentity.input?.wait;
    for (const sent of [variables, withIdentity]) {
      const body = await api.send(query, sent, tokenOf('operator'));
      expect([query, body.errors]).toEqual([query, undefined]);
    }
  }
  const data = await api.run('{ updates { nodes { thing } } }');
  expect(data.updates.nodes.map(({ thing }: { thing: string }) => thing).toSorted()).toEqual([
    'device_1',
    'device_1',
    'device_2',
  ]);
});
