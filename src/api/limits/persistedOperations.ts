import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { usePersistedOperations } from '@graphql-yoga/plugin-persisted-operations';
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { z } from 'zod';
import { CourierError, messageOf } from '../../shared/errors/courierError.ts';
import type { TopLevelCode } from '../topLevelCodes.ts';

export type PersistedOperations = ReadonlyMap<string, string>;

const FILE = z.record(z.string(), z.string());

/**
 * Reads a file of operations by their hashes, as graphql-codegen and Relay's compiler write it.
 * @throws CONFIG_INVALID for a file that is not one, and for a hash that is not its operation's.
 */
export function readPersistedOperations(path: string): PersistedOperations {
  let operations: Readonly<Record<string, string>>;
  try {
    operations = FILE.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw invalid(path, `is no JSON object of operations by their hashes (${messageOf(error)})`);
  }
  for (const [hash, operation] of Object.entries(operations)) {
    if (createHash('sha256').update(operation).digest('hex') === hash) continue;
    throw invalid(path, `has an operation under ${hash}, which is not its SHA-256`);
  }
  return new Map(Object.entries(operations));
}

/**
 * Takes operations by their hashes, as `extensions.persistedQuery` has them; with `only` set, no
 * others.
 */
export function useAllowedOperations(operations: PersistedOperations, only: boolean): Plugin {
  const plugin = usePersistedOperations({
    getPersistedOperation: (hash) => operations.get(hash) ?? null,
    customErrors: {
      notFound: () => persistedError('PERSISTED_OPERATION_UNKNOWN', 'No operation has this hash.'),
      keyNotFound: () => onlyByHash(),
      persistedQueryOnly: () => onlyByHash(),
    },
  });
  return {
    ...plugin,
    onParams(payload) {
      // A request with neither goes on, to be told what it lacks.
      const { query, extensions } = payload.params;
      if (!only && (query !== undefined || extensions?.persistedQuery === undefined)) return;
      return plugin.onParams?.(payload);
    },
  };
}

function onlyByHash(): GraphQLError {
  return persistedError(
    'PERSISTED_OPERATIONS_ONLY',
    'This API takes operations by their hash only, as extensions.persistedQuery.sha256Hash.',
  );
}

function persistedError(code: TopLevelCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { status: 400 } } });
}

function invalid(path: string, problem: string): CourierError {
  return new CourierError(
    'CONFIG_INVALID',
    `The file ${path} of API_PERSISTED_OPERATIONS_FILE ${problem}.`,
    'Write it as {"<SHA-256 of the text, in hex>": "<text of the operation>"}.',
  );
}
