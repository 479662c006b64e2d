/** A policy document of IAM or AWS IoT, checked and with every "string or list" made a list. */
export interface PolicyDocument {
  /** `2008-10-17` knows no policy variables. */
  readonly version: '2012-10-17' | '2008-10-17';
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: Listed;
  /** Absent only in a trust policy, whose resource is the role itself. */
  readonly resources?: Listed;
  readonly principal?: unknown;
  readonly conditions: readonly ConditionEntry[];
}

/** An element or its `Not…` form. */
export interface Listed {
  readonly negated: boolean;
  readonly values: readonly string[];
}

/** One `"Operator": {"key": [values]}` of a Condition block. */
export interface ConditionEntry {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

/** Why a document is refused, in one sentence. */
export class MalformedPolicy extends Error {
  override readonly name = 'MalformedPolicy';
}

type PolicyKind = 'identity' | 'trust';

/** Parses JSON text; throws MalformedPolicy. */
export function parsePolicy(text: string, kind: PolicyKind = 'identity'): PolicyDocument {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedPolicy('Policy document is not valid JSON');
  }
  return readPolicy(value, kind);
}

/** Reads an already parsed document; throws MalformedPolicy. */
export function readPolicy(value: unknown, kind: PolicyKind = 'identity'): PolicyDocument {
  const document = record(value, 'Policy document');
  refuseUnknown(document, ['Version', 'Id', 'Statement'], 'Policy document');
  const version = document['Version'] ?? '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17') {
    throw new MalformedPolicy('Version must be 2012-10-17 or 2008-10-17');
  }
  const statements = document['Statement'];
  const list: readonly unknown[] = Array.isArray(statements) ? statements : [statements];
  if (list.length === 0) throw new MalformedPolicy('Statement must not be empty');
  return { version, statements: list.map((entry) => readStatement(entry, kind)) };
}

function readStatement(value: unknown, kind: PolicyKind): Statement {
  const statement = record(value, 'Statement');
  const known = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];
  refuseUnknown(statement, kind === 'trust' ? [...known, 'Principal'] : known, 'Statement');
  const effect = statement['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw new MalformedPolicy('Effect must be Allow or Deny');
  }
  const resources = listed(statement, 'Resource', kind === 'identity');
  const actions = listed(statement, 'Action', true);
  if (actions === undefined) throw new MalformedPolicy('Action is missing');
  return {
    effect,
    actions,
    ...(resources === undefined ? {} : { resources }),
    ...('Principal' in statement ? { principal: statement['Principal'] } : {}),
    conditions: readConditions(statement['Condition']),
  };
}

function listed(
  statement: Readonly<Record<string, unknown>>,
  name: string,
  isRequired: boolean,
): Listed | undefined {
  const plain = statement[name];
  const negated = statement[`Not${name}`];
  if (plain !== undefined && negated !== undefined) {
    throw new MalformedPolicy(`${name} and Not${name} exclude each other`);
  }
  if (plain === undefined && negated === undefined) {
    if (isRequired) throw new MalformedPolicy(`${name} is missing`);
    return undefined;
  }
  const values = strings(plain ?? negated, name);
  if (values.length === 0) throw new MalformedPolicy(`${name} must not be empty`);
  return { negated: plain === undefined, values };
}

function readConditions(value: unknown): readonly ConditionEntry[] {
  if (value === undefined) return [];
  const entries: ConditionEntry[] = [];
  for (const [operator, keys] of Object.entries(record(value, 'Condition'))) {
    for (const [key, values] of Object.entries(record(keys, `Condition ${operator}`))) {
      entries.push({ operator, key, values: strings(values, `Condition key ${key}`) });
    }
  }
  return entries;
}

/** A string, a boolean or number as text, or a list of those. */
function strings(value: unknown, name: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((entry) => {
    if (typeof entry === 'string') return entry;
    if (typeof entry === 'boolean' || typeof entry === 'number') return String(entry);
    throw new MalformedPolicy(`${name} must be a string or a list of strings`);
  });
}

function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedPolicy(`${name} must be an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function refuseUnknown(
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
  name: string,
): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new MalformedPolicy(`${name} has an unknown element ${unknown}`);
}
