import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import type { JsonObject } from '../../shared/domain/desired.ts';
import type { ApiContext } from '../context.ts';

/** Times are epoch milliseconds everywhere inside; the DateTime scalar turns them into text. */
export const builder = new SchemaBuilder<{
  Context: ApiContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: number; Output: number };
    /** Not checked by the scalar: what is wrong with a document is answered per update. */
    JSONObject: { Input: unknown; Output: JsonObject };
    ThingName: { Input: string; Output: string };
    ShadowName: { Input: string; Output: string };
    Secret: { Input: string; Output: never };
  };
}>({
  plugins: [ErrorsPlugin],
  defaultFieldNullability: false,
  errors: { directResult: true },
});

builder.queryType({ description: 'What can be looked up.' });
builder.mutationType({
  description:
    'What can be done. What is wrong with a request is an answer with a code, a message and a remedy, not a top-level error.',
});
