import { z } from 'zod';
import { CourierError } from '../errors/courierError.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One environment variable: how it is read, and the line about it in `.env.example`. */
export interface Variable<T> {
  readonly schema: z.ZodType<T>;
  /** The default as it would be written in the environment; undefined where there is none. */
  readonly fallback: string | undefined;
  readonly about: string;
}

// oxlint-disable-next-line typescript/no-explicit-any -- variance: a table holds variables of any type
export type VariableTable = Readonly<Record<string, Variable<any>>>;

export type ValuesOf<Table extends VariableTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Variable<infer T> ? T : never;
};

/**
 * Reads every variable of a table, or throws CONFIG_INVALID with all problems at once, a line
 * each. An empty value counts as not set. `relation` says what is wrong with values that are right
 * by themselves.
 */
export function readVariables<Table extends VariableTable>(
  table: Table,
  env: Environment,
  relation: (values: ValuesOf<Table>) => string | undefined = () => undefined,
): ValuesOf<Table> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries(table)) {
    const given = env[name] === undefined || env[name] === '' ? variable.fallback : env[name];
    const parsed = variable.schema.safeParse(given);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(sentence(name, given, variable, parsed.error));
  }
  const unrelated = problems.length === 0 ? relation(values as ValuesOf<Table>) : undefined;
  if (unrelated !== undefined) problems.push(unrelated);
  if (problems.length > 0) {
    throw new CourierError(
      'CONFIG_INVALID',
      `${problems.length === 1 ? 'One environment variable needs' : `${problems.length} environment variables need`} attention:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
      'Set them and start again; .env.example explains every variable.',
    );
  }
  return values as ValuesOf<Table>;
}

/** Says what is wrong without repeating the value, which may be a secret. */
function sentence(
  name: string,
  given: string | undefined,
  variable: Variable<unknown>,
  error: z.ZodError,
): string {
  if (given === undefined) return `${name} is not set: ${variable.about}`;
  return `${name} ${error.issues[0]?.message ?? 'is malformed'}: ${variable.about}`;
}

export function text(about: string, fallback?: string): Variable<string> {
  return { schema: z.string().trim().min(1, 'is empty'), fallback, about };
}

export function optionalText(about: string): Variable<string | undefined> {
  return { schema: z.string().trim().min(1, 'is empty').optional(), fallback: undefined, about };
}

export function matching(pattern: RegExp, about: string, fallback?: string): Variable<string> {
  return { schema: z.string().trim().regex(pattern, 'is malformed'), fallback, about };
}

export function optionalMatching(pattern: RegExp, about: string): Variable<string | undefined> {
  const schema = z.string().trim().regex(pattern, 'is malformed').optional();
  return { schema, fallback: undefined, about };
}

export function oneOf<const T extends readonly [string, ...string[]]>(
  values: T,
  about: string,
  fallback: T[number],
): Variable<T[number]> {
  const schema = z.enum(values, { error: `must be one of ${values.join(', ')}` });
  return { schema, fallback, about };
}

export function wholeNumber(
  about: string,
  range: { min: number; max: number },
  fallback: number,
): Variable<number> {
  const message = `must be a whole number from ${range.min} to ${range.max}`;
  const schema = z
    .string()
    .trim()
    .regex(/^\d+$/, message)
    .transform(Number)
    .pipe(z.number().min(range.min, message).max(range.max, message));
  return { schema, fallback: String(fallback), about };
}

export function milliseconds(about: string, fallback: number, min = 1): Variable<number> {
  return wholeNumber(`${about} (milliseconds)`, { min, max: 7 * 24 * 3600 * 1000 }, fallback);
}
