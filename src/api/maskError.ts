import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLErrorOptions } from 'graphql';
import { CourierError, messageOf } from '../shared/errors/courierError.ts';
import type { Logger } from '../shared/observability/logger.ts';
import { TOP_LEVEL_CODES, type TopLevelCode } from './topLevelCodes.ts';

const SAFE_EXTENSIONS = ['remedy', 'http', 'errorId'] as const;

/**
 * What a caller sees of a top-level error. Errors of ours come with their code and remedy, the
 * caller's own mistakes as they are, and anything else as an id under which the log has it.
 */
export function createErrorMask(log: Logger): (error: unknown) => GraphQLError {
  return (error) => {
    const origin = originOf(error);
    if (origin instanceof CourierError) return courierAnswer(origin, error);
    if (error instanceof GraphQLError && origin instanceof GraphQLError) return clientError(error);
    const errorId = randomUUID();
    // Not the error itself: a client library may have hung what it sent on it.
    const stack = origin instanceof Error ? origin.stack : undefined;
    log.error({ errorId, stack }, `unexpected error: ${messageOf(origin)}`);
    const code: TopLevelCode = 'INTERNAL_SERVER_ERROR';
    return new GraphQLError(`Something went wrong here. The log has it as ${errorId}.`, {
      ...placeOf(error),
      extensions: { code, errorId, http: { status: 500, spec: true } },
    });
  };
}

/** The innermost error: GraphQL wraps what a resolver throws, once for each executor. */
function originOf(error: unknown): unknown {
  let origin = error;
  while (origin instanceof GraphQLError && origin.originalError !== undefined) {
    origin = origin.originalError;
  }
  return origin;
}

function courierAnswer(origin: CourierError, error: unknown): GraphQLError {
  const { code, message, remedy } = origin;
  return new GraphQLError(message, { ...placeOf(error), extensions: { code, remedy } });
}

function clientError(error: GraphQLError): GraphQLError {
  const known = SAFE_EXTENSIONS.filter((name) => error.extensions[name] !== undefined);
  const extensions = Object.fromEntries(known.map((name) => [name, error.extensions[name]]));
  const code: TopLevelCode =
    TOP_LEVEL_CODES.find((one) => one === error.extensions.code) ?? 'BAD_USER_INPUT';
  return new GraphQLError(error.message, {
    ...placeOf(error),
    extensions: { ...extensions, code },
  });
}

function placeOf(error: unknown): GraphQLErrorOptions {
  if (!(error instanceof GraphQLError)) return {};
  const { nodes, source, positions, path } = error;
  return {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
  };
}
