import { ERROR_CATALOGUE, type ErrorCode } from '../../shared/errors/catalogue.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
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
}

export function errorData({ code, message, remedy }: CourierError): ErrorData {
  return { code, message, remedy };
}

export const ErrorInterface = builder.interfaceRef<ErrorData>('Error').implement({
  description: 'Something that a caller can act on.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'What happened, for programs.' }),
    message: t.exposeString('message', { description: 'What happened, for people.' }),
    remedy: t.exposeString('remedy', { description: 'What to do about it.' }),
  }),
});

builder.objectType(CourierError, {
  name: 'RequestError',
  description: 'A request, or a row of one, that was refused.',
  interfaces: [ErrorInterface],
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'remedy' in value,
});
