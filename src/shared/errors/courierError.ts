import { ERROR_CATALOGUE, type ErrorCode } from './catalogue.ts';

/**
 * An error that a person can act on: `message` says what is wrong, `remedy` what to do. Neither
 * ever holds a secret.
 */
export class CourierError extends Error {
  override readonly name = 'CourierError';
  readonly code: ErrorCode;
  readonly remedy: string;
  /** The field of a request's input that is at fault, where it is a single one and known. */
  readonly field: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    remedy: string,
    options?: { cause?: unknown; field?: string },
  ) {
    super(message, options);
    this.code = code;
    this.remedy = remedy;
    this.field = options?.field;
  }

  /** The exit code of a process that this error ends. */
  get exitCode(): number {
    return ERROR_CATALOGUE[this.code].exitCode;
  }
}

/** The text of anything thrown; aws-crt rejects with plain strings now and then. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
