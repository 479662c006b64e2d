import { coerceInputValue, GraphQLError, isInputType, Kind, typeFromAST } from 'graphql';
import type { ExecutionArgs, ExecutionResult, GraphQLInputType } from 'graphql';
import type { TopLevelCode } from './topLevelCodes.ts';

/**
 * Rewrites what GraphQL says of variables that do not fit their types: it repeats the whole value
 * that was sent, and with it a password that stands beside a misspelt field.
 */
export function discreet(result: ExecutionResult, args: ExecutionArgs): ExecutionResult {
  if (result.data != null || result.errors === undefined) return result;
  if (!result.errors.some(repeatsValue)) return result;
  const others = result.errors.filter((error) => !repeatsValue(error));
  return { ...result, errors: [...others, ...problemsOf(args)] };
}

const REPEATS_VALUE = /^Variable "\$\w+" got invalid value /;
const MAX_ERRORS = 20;
const code: TopLevelCode = 'BAD_USER_INPUT';

function repeatsValue(error: GraphQLError): boolean {
  return REPEATS_VALUE.test(error.message);
}

function problemsOf({ document, schema, variableValues, operationName }: ExecutionArgs) {
  const problems: GraphQLError[] = [];
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    if (operationName && definition.name?.value !== operationName) continue;
    for (const variable of definition.variableDefinitions ?? []) {
      const name = variable.variable.name.value;
      const type = typeFromAST(schema, variable.type);
      const value = variableValues?.[name];
      if (!isInputType(type) || value === undefined) continue;
      const found = typeProblems(name, value, type, MAX_ERRORS - problems.length);
      problems.push(
        ...found.map((text) => new GraphQLError(text, { nodes: variable, extensions: { code } })),
      );
      if (problems.length === MAX_ERRORS) return problems;
    }
  }
  return problems;
}

/** Ends the look at a value that has more wrong with it than anybody reads. */
class Enough extends Error {}

function typeProblems(
  name: string,
  value: unknown,
  type: GraphQLInputType,
  most: number,
): string[] {
  const problems: string[] = [];
  try {
    coerceInputValue(value, type, (path, _invalid, error) => {
      const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
      // A scalar's reason ends in ": <the value>" where it repeats it.
      const reason = error.message.replace(/: [^]*$/, '.');
      problems.push(`Variable "$${name}" does not fit its type at "${name}${place}": ${reason}`);
      if (problems.length === most) throw new Enough();
    });
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  return problems;
}
