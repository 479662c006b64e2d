import {
  type DocumentNode,
  type FieldNode,
  getArgumentValues,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { MutationIntent } from '../audit.ts';
import { auditedInput } from '../auditedInput.ts';
import { auditRefusal } from '../auditRefusal.ts';
import type { OperationArgs } from '../operations.ts';

/**
 * Holds a token that was made for some operations to these: one field that is none of them, and
 * nothing is done. A mutation that is refused so leaves its entry in the audit.
 */
export function checkTokenScope(args: OperationArgs): void | Promise<never> {
  const { document, operationName, contextValue } = args;
  const { operations } = contextValue.caller;
  const operation = getOperationAST(document, operationName);
  if (operations === undefined || !operation) return;
  for (const node of rootFields(document, operation)) {
    const { value: name } = node.name;
    if (name === '__typename' || operations.has(name)) continue;
    const refusal = outOfScope(name);
    if (operation.operation !== OperationTypeNode.MUTATION) throw refusal;
    return auditRefusal(refusal, contextValue, tried(node, operation, args));
  }
}

function* rootFields(
  document: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
): Generator<FieldNode> {
  const seen = new Set<string>();
  const left: SelectionSetNode[] = [selectionSet];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const selection of next.selections) {
      if (selection.kind === Kind.FIELD) yield selection;
      else if (selection.kind === Kind.INLINE_FRAGMENT) left.push(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        for (const definition of document.definitions) {
          if (definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
          if (definition.name.value === selection.name.value) left.push(definition.selectionSet);
        }
      }
    }
  }
}

/** What the field would have done. Arguments that it could not have been called with are left out. */
function tried(
  node: FieldNode,
  { variableDefinitions }: OperationDefinitionNode,
  { schema, variableValues }: OperationArgs,
): MutationIntent {
  const parentType = schema.getMutationType();
  const fieldName = node.name.value;
  const field = parentType?.getFields()[fieldName];
  const { coerced } = getVariableValues(schema, variableDefinitions ?? [], variableValues ?? {});
  if (!parentType || field === undefined || coerced === undefined) {
    return { action: fieldName, subjects: [] };
  }
  return auditedInput({ parentType, fieldName }, getArgumentValues(field, node, coerced));
}

function outOfScope(field: string): CourierError {
  return new CourierError(
    'FORBIDDEN',
    `The API token was not made for ${field}.`,
    'Use a token that was, or have an admin make one with this operation among its operations.',
  );
}
