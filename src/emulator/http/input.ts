import { AwsError } from './awsError.ts';

/** A request's JSON object, already parsed. */
export type Input = Readonly<Record<string, unknown>>;

/**
 * Parses a request body that must be a JSON object; an empty body counts as `{}`.
 * Throws SerializationException (400), as AWS's front ends do.
 */
export function parseInput(body: Buffer): Input {
  if (body.length === 0) return {};
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new AwsError('SerializationException', 'The request body is not valid UTF-8.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AwsError('SerializationException', 'The request body is not valid JSON.');
  }
  if (!isRecord(value)) {
    throw new AwsError(
      'SerializationException',
      'Start of structure or map found where not expected.',
    );
  }
  return value;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads one service's input; `invalid` makes that service's validation exception. */
export class InputReader {
  readonly #invalid: (message: string) => AwsError;

  constructor(invalid: (message: string) => AwsError) {
    this.#invalid = invalid;
  }

  optionalString(input: Input, key: string): string | undefined {
    const value = input[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') {
      throw new AwsError(
        'SerializationException',
        `${typeName(value)} value cannot be converted to String`,
      );
    }
    return value;
  }

  string(input: Input, key: string): string {
    const value = this.optionalString(input, key);
    if (value === undefined) throw this.#violation('null', key, 'Member must not be null');
    return value;
  }

  /** A string that must match `pattern` as a whole and keep to `max` characters. */
  matching(input: Input, key: string, pattern: RegExp, max: number): string {
    const value = this.string(input, key);
    if (value.length < 1) {
      throw this.#violation(
        quote(value),
        key,
        'Member must have length greater than or equal to 1',
      );
    }
    if (value.length > max) {
      throw this.#violation(
        quote(value),
        key,
        `Member must have length less than or equal to ${max}`,
      );
    }
    if (!pattern.test(value)) {
      throw this.#violation(
        quote(value),
        key,
        `Member must satisfy regular expression pattern: ${pattern.source.replace(/^\^|\$$/g, '')}`,
      );
    }
    return value;
  }

  oneOf<const T extends string>(input: Input, key: string, values: readonly T[]): T {
    const value = this.string(input, key);
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) {
      throw this.#violation(
        quote(value),
        key,
        `Member must satisfy enum value set: [${values.join(', ')}]`,
      );
    }
    return found;
  }

  /** A map of strings; `{}` where absent. */
  stringMap(input: Input, key: string): Readonly<Record<string, string>> {
    const value = input[key];
    if (value === undefined || value === null) return {};
    if (!isRecord(value)) throw new AwsError('SerializationException', 'Unexpected field type');
    const result: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const [name, entry] of Object.entries(value)) {
      if (typeof entry !== 'string') {
        throw new AwsError(
          'SerializationException',
          `${typeName(entry)} value cannot be converted to String`,
        );
      }
      result[name] = entry;
    }
    return result;
  }

  stringList(input: Input, key: string): readonly string[] {
    const value = input[key];
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value))
      throw new AwsError('SerializationException', 'Unexpected field type');
    return value.map((entry: unknown) => {
      if (typeof entry !== 'string') {
        throw new AwsError(
          'SerializationException',
          `${typeName(entry)} value cannot be converted to String`,
        );
      }
      return entry;
    });
  }

  optionalBoolean(input: Input, key: string): boolean | undefined {
    const value = input[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean') {
      throw new AwsError(
        'SerializationException',
        `${typeName(value)} value cannot be converted to Boolean`,
      );
    }
    return value;
  }

  /** AWS's sentence for a member that breaks its model's constraint. */
  #violation(value: string, key: string, constraint: string): AwsError {
    const member = key.charAt(0).toLowerCase() + key.slice(1);
    return this.#invalid(
      `1 validation error detected: Value ${value} at '${member}' failed to satisfy constraint: ${constraint}`,
    );
  }
}

function quote(value: string): string {
  return `'${value.slice(0, 256)}'`;
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'LIST';
  if (typeof value === 'boolean') return value ? 'TRUE_VALUE' : 'FALSE_VALUE';
  if (typeof value === 'number') return 'NUMBER_VALUE';
  return 'STRUCTURE';
}
