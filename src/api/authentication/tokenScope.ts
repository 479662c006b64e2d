import { type DocumentNode, getOperationAST, Kind, type SelectionSetNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { ApiContext } from '../context.ts';

/** Holds a token that was made for some operations to these, before any of them begins. */
export function useTokenScope(): Plugin<ApiContext> {
  const check = (args: {
    readonly document: DocumentNode;
    readonly operationName?: string | null | undefined;
    readonly contextValue: ApiContext;
  }) => {
    const { operations } = args.contextValue.caller;
    if (operations === undefined) return;
    for (const field of rootFields(args.document, args.operationName)) {
      if (field !== '__typename' && !operations.has(field)) throw outOfScope(field);
    }
  };
  return {
    onExecute: ({ args }) => check(args),
    onSubscribe: ({ args }) => check(args),
  };
}

function rootFields(document: DocumentNode, operationName: string | null | undefined): Set<string> {
  const names = new Set<string>();
  const seen = new Set<string>();
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) names.add(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        for (const definition of document.definitions) {
          if (definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
          if (definition.name.value === selection.name.value) collect(definition.selectionSet);
        }
      }
    }
  };
  const operation = getOperationAST(document, operationName);
  if (operation) collect(operation.selectionSet);
  return names;
}

function outOfScope(field: string): CourierError {
  return new CourierError(
    'FORBIDDEN',
    `The API token was not made for ${field}.`,
    'Use a token that was, or have an admin make one with this operation among its operations.',
  );
}
