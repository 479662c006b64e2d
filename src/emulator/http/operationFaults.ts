import { AwsError } from './awsError.ts';
import type { Exchange } from './exchange.ts';

/** How a service words what can go wrong with any operation. */
export interface ServiceErrors {
  readonly throttled: () => AwsError;
  readonly internal: () => AwsError;
}

/** Asked before each operation: may wait, throw what the service would answer, or hang up. */
export type BeforeOperation = (
  operation: string,
  exchange: Exchange,
  errors: ServiceErrors,
) => Promise<void>;

/** Thrown to close the connection without an answer. */
export class HangUp extends Error {
  override readonly name = 'HangUp';
}

export const COGNITO_ERRORS: ServiceErrors = {
  throttled: () => new AwsError('TooManyRequestsException', 'Rate exceeded'),
  internal: () => new AwsError('InternalErrorException', 'Internal error', 500),
};

export const IOT_ERRORS: ServiceErrors = {
  throttled: () => new AwsError('ThrottlingException', 'Rate exceeded', 400),
  internal: () => new AwsError('InternalFailureException', 'Internal failure', 500),
};
