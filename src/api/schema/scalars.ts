import { GraphQLError, Kind, type ValueNode, valueFromASTUntyped } from 'graphql';
import { durationText, parseDuration } from '../../shared/domain/duration.ts';
import { builder } from './builder.ts';

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

builder.scalarType('DateTime', {
  description:
    'A moment as RFC 3339 text with its zone, for example 2026-01-31T12:00:00Z. Answers are in UTC, to the millisecond.',
  serialize: (value) => new Date(value).toISOString(),
  parseValue: parseDateTime,
  parseLiteral: (node) => parseDateTime(textOf(node)),
});

builder.scalarType('Duration', {
  description:
    'A length of time as text: whole numbers with the units d, h, m, s and ms, the largest first, for example 5s, 1h30m or 500ms.',
  serialize: durationText,
  parseValue: readDuration,
  parseLiteral: (node) => readDuration(textOf(node)),
});

builder.scalarType('JSONObject', {
  description:
    'A JSON object. Numbers are doubles, as in JavaScript: write an integer beyond 2^53 as a string. What is wrong with a document is answered as an error with a code, per update.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

builder.scalarType('ThingName', {
  description:
    'The name of an AWS IoT thing: 1 to 128 characters out of a-z, A-Z, 0-9, ":", "_" and "-". A name that breaks the rules is answered as THING_NAME_INVALID.',
  serialize: (value) => value,
  parseValue: (value) => plainText('ThingName', value),
  parseLiteral: (node) => plainText('ThingName', textOf(node)),
});

builder.scalarType('ShadowName', {
  description:
    'The name of a named shadow: 1 to 64 characters out of a-z, A-Z, 0-9, "$", ":", "_" and "-". A name that breaks the rules is answered as SHADOW_NAME_INVALID.',
  serialize: (value) => value,
  parseValue: (value) => plainText('ShadowName', value),
  parseLiteral: (node) => plainText('ShadowName', textOf(node)),
});

builder.scalarType('Secret', {
  description: 'Text that goes in and never comes out: no answer, error or log ever holds it.',
  serialize: () => {
    throw new GraphQLError('A secret is never an answer.');
  },
  parseValue: (value) => plainText('Secret', value),
  parseLiteral: (node) => plainText('Secret', textOf(node)),
});

function textOf(node: ValueNode): unknown {
  return node.kind === Kind.STRING ? node.value : undefined;
}

/** Without the value in the message, which for a secret must not be repeated. */
function plainText(scalar: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new GraphQLError(`${scalar} must be a string.`);
}

function readDuration(value: unknown): number {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms !== undefined) return ms;
  throw new GraphQLError('Duration must be text such as "5s", "1h30m" or "500ms".');
}

function parseDateTime(value: unknown): number {
  const time = typeof value === 'string' && DATE_TIME.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new GraphQLError(
    'DateTime must be RFC 3339 text with a zone, for example "2026-01-31T12:00:00Z".',
  );
}
