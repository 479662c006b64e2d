import { AwsError } from '../http/awsError.ts';

/**
 * Every exception of the user pool that is answered here, with the sentences that AWS uses.
 * HTTP 400 for all of them, by the service's model.
 */
export const userPoolError = {
  invalidParameter: (message: string) => new AwsError('InvalidParameterException', message),
  missingParameter: (name: string) =>
    new AwsError('InvalidParameterException', `Missing required parameter ${name}`),
  flowNotEnabled: (flow: string) =>
    new AwsError('InvalidParameterException', `${flow} flow not enabled for this client`),
  clientNotFound: (clientId: string) =>
    new AwsError('ResourceNotFoundException', `User pool client ${clientId} does not exist.`),
  secretHashMissing: (clientId: string) =>
    new AwsError(
      'NotAuthorizedException',
      `Client ${clientId} is configured with secret but SECRET_HASH was not received`,
    ),
  secretHashMismatch: (clientId: string) =>
    new AwsError('NotAuthorizedException', `SecretHash does not match for the client: ${clientId}`),
  wrongPassword: () => new AwsError('NotAuthorizedException', 'Incorrect username or password.'),
  userNotFound: () => new AwsError('UserNotFoundException', 'User does not exist.'),
  userDisabled: () => new AwsError('NotAuthorizedException', 'User is disabled.'),
  attemptsExceeded: () => new AwsError('NotAuthorizedException', 'Password attempts exceeded'),
  notConfirmed: () => new AwsError('UserNotConfirmedException', 'User is not confirmed.'),
  resetRequired: () =>
    new AwsError('PasswordResetRequiredException', 'Password reset required for the user'),
  invalidRefreshToken: () => new AwsError('NotAuthorizedException', 'Invalid Refresh Token'),
  expiredRefreshToken: () => new AwsError('NotAuthorizedException', 'Refresh Token has expired'),
  revokedRefreshToken: () =>
    new AwsError('NotAuthorizedException', 'Refresh Token has been revoked'),
  tooManyRequests: () => new AwsError('TooManyRequestsException', 'Rate exceeded'),
} as const;
