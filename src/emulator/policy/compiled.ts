import { type Condition, compileCondition } from './condition.ts';
import { type Facts, resolverOf } from './context.ts';
import type { Listed, PolicyDocument, Statement } from './document.ts';
import { compilePattern, matchPattern, type Pattern } from './pattern.ts';

export type PolicyAnswer = 'ALLOWED' | 'EXPLICIT_DENY' | 'IMPLICIT_DENY';

export interface CompiledPolicy {
  readonly statements: readonly CompiledStatement[];
}

interface CompiledStatement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: CompiledList;
  readonly resources: CompiledList | undefined;
  readonly conditions: readonly Condition[];
}

interface CompiledList {
  readonly negated: boolean;
  readonly patterns: readonly Pattern[];
}

/** Compiled once a version; holds nothing of a principal, so all of them share it. */
export function compilePolicy(document: PolicyDocument): CompiledPolicy {
  const variables = document.version === '2012-10-17';
  return { statements: document.statements.map((entry) => compileStatement(entry, variables)) };
}

function compileStatement(statement: Statement, variables: boolean): CompiledStatement {
  return {
    effect: statement.effect,
    // Actions are matched without regard to case and take no variables.
    actions: compileList(statement.actions, false, (value) => value.toLowerCase()),
    resources: statement.resources && compileList(statement.resources, variables, (value) => value),
    conditions: statement.conditions.map((entry) => compileCondition(entry, variables)),
  };
}

function compileList(
  listed: Listed,
  variables: boolean,
  normalize: (value: string) => string,
): CompiledList {
  return {
    negated: listed.negated,
    patterns: listed.values.map((value) =>
      compilePattern(normalize(value), { wildcards: true, variables }),
    ),
  };
}

/** `resource` undefined: a trust policy, whose statements name none. */
export function evaluatePolicy(
  policy: CompiledPolicy,
  action: string,
  resource: string | undefined,
  facts: Facts,
): PolicyAnswer {
  const lowerAction = action.toLowerCase();
  const resolve = resolverOf(facts);
  let allowed = false;
  for (const statement of policy.statements) {
    if (statement.effect === 'Allow' && allowed) continue;
    if (!listMatches(statement.actions, lowerAction, resolve)) continue;
    if (statement.resources !== undefined && resource !== undefined) {
      if (!listMatches(statement.resources, resource, resolve)) continue;
    }
    if (!statement.conditions.every((condition) => condition(facts) === true)) continue;
    if (statement.effect === 'Deny') return 'EXPLICIT_DENY';
    allowed = true;
  }
  return allowed ? 'ALLOWED' : 'IMPLICIT_DENY';
}

/** A variable without a value makes its pattern match nothing, and a `Not…` list as a whole. */
function listMatches(
  list: CompiledList,
  value: string,
  resolve: (variable: string) => string | undefined,
): boolean {
  for (const pattern of list.patterns) {
    const matched = matchPattern(pattern, value, resolve);
    if (matched === true) return !list.negated;
    if (matched === undefined && list.negated) return false;
  }
  return list.negated;
}

/** The variables in a policy's resources that the request has no value for. */
export function missingVariables(policy: CompiledPolicy, facts: Facts): readonly string[] {
  const missing = new Set<string>();
  for (const statement of policy.statements) {
    for (const pattern of statement.resources?.patterns ?? []) {
      for (const name of pattern.variables) {
        if (facts.get(name) === undefined) missing.add(name);
      }
    }
  }
  return [...missing];
}
