import { type DocumentNode, getOperationAST, Kind, type SelectionSetNode } from 'graphql';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { OperationArgs } from '../operations.ts';

/** Holds a token that was made for some operations to these. */
export function checkTokenScope({ document, operationName, contextValue }: OperationArgs): void {
  const { operations } = contextValue.caller;
  if (operations === undefined) return;
  for (const field of rootFields(document, operationName)) {
    if (field !== '__typename' && !operations.has(field)) throw outOfScope(field);
  }
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
