import { AwsError } from '../http/awsError.ts';

const invalidRequest = (message: string) => new AwsError('InvalidRequestException', message, 400);

/**
 * Every exception of the IoT control plane that is answered here, with the HTTP status of the
 * service's model; AWS throttles with 400 and reports a full limit with 410.
 */
export const iotError = {
  invalidRequest,
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
  versionNotFound: (name: string, version: string) =>
    new AwsError(
      'ResourceNotFoundException',
      `Policy version not found (name: ${name}, version: ${version})`,
      404,
    ),
  versionsLimit: (name: string) =>
    new AwsError(
      'VersionsLimitExceededException',
      `The policy ${name} already has the maximum number of versions (5)`,
      409,
    ),
  deleteConflict: (message: string) => new AwsError('DeleteConflictException', message, 409),
  thingNotFound: (name: string) =>
    new AwsError('ResourceNotFoundException', `Thing ${name} cannot be found.`, 404),
  thingExists: (name: string) =>
    new AwsError(
      'ResourceAlreadyExistsException',
      `Thing ${name} already exists in account with different attributes`,
      409,
    ),
  thingHasPrincipals: (name: string) =>
    invalidRequest(`Cannot delete thing ${name} while principals are attached to it`),
  limitExceeded: (message: string) => new AwsError('LimitExceededException', message, 410),
} as const;
