import { AwsError } from '../http/awsError.ts';

/**
 * Every exception of the IoT control plane that is answered here, with the HTTP status of the
 * service's model; AWS throttles with 400 and reports a full limit with 410.
 */
export const iotError = {
  invalidRequest: (message: string) => new AwsError('InvalidRequestException', message, 400),
  malformedPolicy: (message: string) => new AwsError('MalformedPolicyException', message, 400),
  throttled: () => new AwsError('ThrottlingException', 'Rate exceeded', 400),
  policyNotFound: (name: string) =>
    new AwsError('ResourceNotFoundException', `Policy not found (name: ${name})`, 404),
  policyExists: (name: string) =>
    new AwsError(
      'ResourceAlreadyExistsException',
      `Policy cannot be created - name already exists (name=${name})`,
      409,
    ),
  limitExceeded: (message: string) => new AwsError('LimitExceededException', message, 410),
  missingToken: () =>
    new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token', 403),
  unknownKey: (message: string) => new AwsError('UnrecognizedClientException', message, 403),
  badSignature: (message: string) => new AwsError('InvalidSignatureException', message, 403),
  expiredToken: (message: string) => new AwsError('ExpiredTokenException', message, 403),
  accessDenied: (principalArn: string, action: string, resource: string) =>
    new AwsError(
      'AccessDeniedException',
      `User: ${principalArn} is not authorized to perform: ${action} on resource: ${resource}`,
      403,
    ),
} as const;
