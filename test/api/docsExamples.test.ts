import { readdirSync, readFileSync } from 'node:fs';
import { parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { buildSchema } from '../../src/api/schema/schema.ts';

const schema = buildSchema();
const pages = ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)];
const examples = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/```graphql\n([\s\S]*?)```/g)].map(
    ([, document = '']) => [page, document] as const,
  ),
);

test('the documentation has examples in GraphQL', () => {
  expect(examples.length).toBeGreaterThan(4);
});

test.each(examples)('an operation that %s shows is of this schema: %s', (_page, document) => {
  expect(validate(schema, parse(document))).toEqual([]);
});
