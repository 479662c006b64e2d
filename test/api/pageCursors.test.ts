import { expect, test } from 'vitest';
import { buildSchema } from '../../src/api/schema/schema.ts';
import { useRedis } from '../support/useRedis.ts';
import { startApi } from './support/testApi.ts';

const redis = useRedis();

const lists = Object.values(buildSchema().getQueryType()?.getFields() ?? {}).filter(({ args }) =>
  args.some(({ name }) => name === 'after'),
);

test.each(lists)(
  'a cursor that $name never gave is refused, and does not begin anew',
  async ({ name }) => {
    const api = await startApi(redis().url);
    const query = `query ($after: String!) { ${name}(after: $after) { nodes { __typename } } }`;
    for (const after of ['', 'zz', 'a'.repeat(3000), '__proto__']) {
      const { errors } = await api.send(query, { after });
      expect(errors?.[0].extensions).toMatchObject({
        code: 'PAGE_INVALID',
        remedy: expect.any(String),
      });
    }
  },
);
