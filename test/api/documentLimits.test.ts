import { expect, test } from 'vitest';
import { useRedis } from '../support/useRedis.ts';
import { startApi } from './support/testApi.ts';

const redis = useRedis();

const many = (count: number, one: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => one(index)).join(' ');

const BEYOND: readonly (readonly [string, string, RegExp])[] = [
  ['aliases', `{ ${many(51, (n) => `a${n}: identityTags { tag }`)} }`, /^Aliases limit of 50 /],
  ['directives', `{ identityTags { tag ${'@include(if: true) '.repeat(51)} } }`, /^Directives /],
  [
    'depth',
    `{ deadUpdates { nodes { ${'replayOf { '.repeat(13)} id ${'} '.repeat(13)} } } }`,
    /depth/,
  ],
  ['tokens', `{ identityTags { ${'tag '.repeat(2001)} } }`, /^Token limit of 2000 /],
];

test.each(BEYOND)(
  'a document with too many of its %s is refused by that name, with what to do',
  async (_name, query, message) => {
    const api = await startApi(redis().url);
    const { errors } = await api.send(query);
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(message),
        extensions: {
          code: 'DOCUMENT_TOO_LARGE',
          remedy: expect.stringContaining('several operations'),
        },
      }),
    ]);
  },
);
