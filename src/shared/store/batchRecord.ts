import type { ErrorPolicy } from '../domain/batch.ts';
import type { UpdateRequest } from '../domain/update.ts';
import { CourierError } from '../errors/courierError.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { Admission } from './admissions.ts';

/** What was wrong with a row, as it is kept. */
export interface RowRefusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** Refused rows by their index. */
export type Refusals = Readonly<Record<number, RowRefusal>>;

export function refusalOf({ code, message, remedy }: CourierError): RowRefusal {
  return { code, message, remedy };
}

export function errorOf({ code, message, remedy }: RowRefusal): CourierError {
  return new CourierError(code, message, remedy);
}

/**
 * What a batch's rows are taken in from. It is written before the first of them is, and gone once
 * all of them are, so that whoever finds it can finish what was begun.
 */
export interface BatchJournal {
  readonly requests: readonly UpdateRequest[];
  /** Rows that are not taken, whatever comes. */
  readonly refusals: Refusals;
  readonly admission: Omit<Admission, 'problems'>;
  readonly actor: string;
  readonly idempotencyKey?: string | undefined;
  readonly onError: ErrorPolicy;
}
