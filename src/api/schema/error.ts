import { ERROR_CATALOGUE, type ErrorCode } from '../../shared/errors/catalogue.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { fieldOf } from '../inputField.ts';
import { builder } from './builder.ts';
import { describedEnum } from './describedEnum.ts';

const summaries = Object.fromEntries(
  Object.entries(ERROR_CATALOGUE).map(([code, { summary }]) => [code, summary]),
) as Record<ErrorCode, string>;

export const ErrorCodeEnum = describedEnum('ErrorCode', {
  description:
    'Every error that Shadow Courier makes, by a code that stays. docs/errors.md explains each.',
  values: summaries,
});

/** What an answer holds of an error. As a plain object, since GraphQL takes an Error for a throw. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly field?: string | undefined;
}

/** `row` is what the error is about: its fields are those that `field` may name. */
export function errorData({ code, message, remedy }: CourierError, row: unknown): ErrorData {
  return { code, message, remedy, field: fieldOf(code, row) };
}

export const ErrorInterface = builder.interfaceRef<ErrorData>('Error').implement({
  description: 'Something that a caller can act on.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'What happened, for programs.' }),
    message: t.exposeString('message', { description: 'What happened, for people.' }),
    remedy: t.exposeString('remedy', { description: 'What to do about it.' }),
    field: t.exposeString('field', {
      nullable: true,
      description:
        "The field that is at fault: of the mutation's `input`, or of the row that the error is an answer to. Null where it is not one of them alone.",
    }),
  }),
});

builder.objectType(CourierError, {
  name: 'RequestError',
  description: 'A request, or a row of one, that was refused.',
  interfaces: [ErrorInterface],
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'remedy' in value,
});
