import { BlockList, isIP } from 'node:net';
import { type Facts, resolverOf } from './context.ts';
import { type ConditionEntry, MalformedPolicy } from './document.ts';
import {
  compilePattern,
  matchPattern,
  type Pattern,
  renderPattern,
  type Resolve,
} from './pattern.ts';

/** Undefined where a policy variable in it has no value. */
export type Condition = (facts: Facts) => boolean | undefined;

/** Whether one value of the request satisfies one value of the policy. */
type Compare = (actual: string, expected: Pattern, resolve: Resolve) => boolean | undefined;

interface Operator {
  /** Negated operators hold where no value of the policy matches, also where the key is absent. */
  readonly negated: boolean;
  readonly wildcards: boolean;
  readonly compare: Compare;
}

/** Compares the policy's value after its variables are filled in. */
function rendered(test: (actual: string, expected: string) => boolean): Compare {
  return (actual, expected, resolve) => {
    const text = renderPattern(expected, resolve);
    return text === undefined ? undefined : test(actual, text);
  };
}

const numeric = (test: (actual: number, expected: number) => boolean): Compare =>
  rendered((actual, expected) => {
    const [left, right] = [Number(actual), Number(expected)];
    return actual !== '' && !Number.isNaN(left) && !Number.isNaN(right) && test(left, right);
  });

const date = (test: (actual: number, expected: number) => boolean): Compare =>
  rendered((actual, expected) => {
    const [left, right] = [epochMs(actual), epochMs(expected)];
    return !Number.isNaN(left) && !Number.isNaN(right) && test(left, right);
  });

const equals = rendered((actual, expected) => actual === expected);
const equalsIgnoringCase = rendered(
  (actual, expected) => actual.toLowerCase() === expected.toLowerCase(),
);
const like: Compare = (actual, expected, resolve) => matchPattern(expected, actual, resolve);
const inNetwork = rendered(isInNetwork);

function operator(compare: Compare, negated = false, wildcards = false): Operator {
  return { compare, negated, wildcards };
}

const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: operator(equals),
  StringNotEquals: operator(equals, true),
  StringEqualsIgnoreCase: operator(equalsIgnoringCase),
  StringNotEqualsIgnoreCase: operator(equalsIgnoringCase, true),
  StringLike: operator(like, false, true),
  StringNotLike: operator(like, true, true),
  ArnEquals: operator(like, false, true),
  ArnLike: operator(like, false, true),
  ArnNotEquals: operator(like, true, true),
  ArnNotLike: operator(like, true, true),
  NumericEquals: operator(numeric((actual, expected) => actual === expected)),
  NumericNotEquals: operator(
    numeric((actual, expected) => actual === expected),
    true,
  ),
  NumericLessThan: operator(numeric((actual, expected) => actual < expected)),
  NumericLessThanEquals: operator(numeric((actual, expected) => actual <= expected)),
  NumericGreaterThan: operator(numeric((actual, expected) => actual > expected)),
  NumericGreaterThanEquals: operator(numeric((actual, expected) => actual >= expected)),
  DateEquals: operator(date((actual, expected) => actual === expected)),
  DateNotEquals: operator(
    date((actual, expected) => actual === expected),
    true,
  ),
  DateLessThan: operator(date((actual, expected) => actual < expected)),
  DateLessThanEquals: operator(date((actual, expected) => actual <= expected)),
  DateGreaterThan: operator(date((actual, expected) => actual > expected)),
  DateGreaterThanEquals: operator(date((actual, expected) => actual >= expected)),
  Bool: operator(equalsIgnoringCase),
  BinaryEquals: operator(equals),
  IpAddress: operator(inNetwork),
  NotIpAddress: operator(inNetwork, true),
};

/** Compiles one entry of a Condition block; throws MalformedPolicy for an unknown operator. */
export function compileCondition(entry: ConditionEntry, variables: boolean): Condition {
  const parts = /^(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?$/.exec(entry.operator);
  const quantifier = parts?.[1];
  const name = parts?.[2] ?? '';
  const ifExists = parts?.[3] !== undefined;
  if (name === 'Null' && quantifier === undefined && !ifExists) return nullCondition(entry);
  const known = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (known === undefined) {
    throw new MalformedPolicy(`Condition operator ${entry.operator} is not known`);
  }
  const expected = entry.values.map((value) =>
    compilePattern(value, { wildcards: known.wildcards, variables }),
  );

  return (facts) => {
    const found = facts.get(entry.key);
    const actual = found === undefined ? [] : typeof found === 'string' ? [found] : found;
    if (actual.length === 0) {
      if (ifExists || quantifier === 'ForAllValues') return true;
      return quantifier === undefined && known.negated;
    }
    const resolve = resolverOf(facts);
    const results: boolean[] = [];
    for (const value of actual) {
      const matched = matchesAny(value, expected, known.compare, resolve);
      if (matched === undefined) return undefined;
      results.push(matched !== known.negated);
    }
    // Several values under a plain operator: a positive one wants any, a negated one wants all.
    const wantsAll = quantifier === 'ForAllValues' || (quantifier === undefined && known.negated);
    return wantsAll ? results.every(Boolean) : results.some(Boolean);
  };
}

function matchesAny(
  actual: string,
  expected: readonly Pattern[],
  compare: Compare,
  resolve: Resolve,
): boolean | undefined {
  let unresolved = false;
  for (const pattern of expected) {
    const matched = compare(actual, pattern, resolve);
    if (matched === true) return true;
    unresolved ||= matched === undefined;
  }
  return unresolved ? undefined : false;
}

/** `"Null": {"key": "true"}` holds where the key is absent. */
function nullCondition(entry: ConditionEntry): Condition {
  const wantsAbsent = entry.values.map((value) => value.toLowerCase() === 'true');
  return (facts) => {
    const found = facts.get(entry.key);
    const absent = found === undefined || found.length === 0;
    return wantsAbsent.includes(absent);
  };
}

/** ISO 8601, or epoch seconds. */
function epochMs(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

const networks = new Map<string, BlockList>();

function isInNetwork(address: string, network: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  let list = networks.get(network);
  if (list === undefined) {
    list = blockListOf(network);
    if (networks.size < 1000) networks.set(network, list);
  }
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** A list of the one network; empty where the text is none, so that nothing is in it. */
function blockListOf(network: string): BlockList {
  const list = new BlockList();
  const [base = '', bits] = network.split('/');
  const family = isIP(base);
  if (family === 0) return list;
  const longest = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? longest : Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > longest) return list;
  list.addSubnet(base, prefix, family === 6 ? 'ipv6' : 'ipv4');
  return list;
}
