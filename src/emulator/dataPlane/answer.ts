/** HTTP answers of the IoT data plane and the refusals of `/mqtt` (aws-facts 2.4, 4.2). */
import { randomUUID } from 'node:crypto';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
  400: 'InvalidRequestException',
  401: 'UnauthorizedException',
  403: 'ForbiddenException',
  404: 'ResourceNotFoundException',
  405: 'MethodNotAllowedException',
  409: 'ConflictException',
  413: 'RequestEntityTooLargeException',
  415: 'UnsupportedDocumentEncodingException',
  429: 'ThrottlingException',
  500: 'InternalFailureException',
  503: 'ServiceUnavailableException',
};

export function success(body: string): HttpAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'x-amzn-RequestId': randomUUID() },
    body,
  };
}

/** An error with the exception's name in the header, as the AWS SDKs read it. */
export function failure(status: number, message: string, traceId: string): HttpAnswer {
  return namedFailure(status, EXCEPTIONS[status] ?? 'InternalFailureException', message, traceId);
}

/** The same with an exception that is not the usual one of its status. */
export function namedFailure(
  status: number,
  exception: string,
  message: string,
  traceId: string,
): HttpAnswer {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-ErrorType': `${exception}:`,
      'x-amzn-RequestId': randomUUID(),
    },
    body: JSON.stringify({ message, traceId }),
  };
}
