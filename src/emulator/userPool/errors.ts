import { AwsError } from '../http/awsError.ts';

const notAuthorized = (message: string) => new AwsError('NotAuthorizedException', message);

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
  poolNotFound: (userPoolId: string) =>
    new AwsError('ResourceNotFoundException', `User pool ${userPoolId} does not exist.`),
  clientNotFound: (clientId: string) =>
    new AwsError('ResourceNotFoundException', `User pool client ${clientId} does not exist.`),
  secretHashMissing: (clientId: string) =>
    notAuthorized(`Client ${clientId} is configured with secret but SECRET_HASH was not received`),
  secretHashMismatch: (clientId: string, message: 'new' | 'old') =>
    notAuthorized(
      message === 'new'
        ? `SecretHash does not match for the client: ${clientId}`
        : `Unable to verify secret hash for client ${clientId}`,
    ),
  clientSecretMismatch: (clientId: string) =>
    notAuthorized(`ClientSecret does not match for the client: ${clientId}`),
  wrongPassword: () => notAuthorized('Incorrect username or password.'),
  userNotFound: () => new AwsError('UserNotFoundException', 'User does not exist.'),
  userExists: () => new AwsError('UsernameExistsException', 'User account already exists'),
  userDisabled: () => notAuthorized('User is disabled.'),
  attemptsExceeded: () => notAuthorized('Password attempts exceeded'),
  temporaryPasswordExpired: () =>
    notAuthorized('Temporary password has expired and must be reset by an administrator.'),
  notConfirmed: () => new AwsError('UserNotConfirmedException', 'User is not confirmed.'),
  resetRequired: () =>
    new AwsError('PasswordResetRequiredException', 'Password reset required for the user'),
  invalidPassword: (rule: string) =>
    new AwsError('InvalidPasswordException', `Password did not conform with policy: ${rule}`),
  invalidSession: () => notAuthorized('Invalid session for the user.'),
  expiredSession: () => notAuthorized('Invalid session for the user, session is expired.'),
  codeMismatch: () => new AwsError('CodeMismatchException', 'Invalid code received for user'),
  invalidRefreshToken: () => notAuthorized('Invalid Refresh Token'),
  expiredRefreshToken: () => notAuthorized('Refresh Token has expired'),
  revokedRefreshToken: () => notAuthorized('Refresh Token has been revoked'),
  reusedRefreshToken: () =>
    new AwsError(
      'RefreshTokenReuseException',
      'The refresh token was already used and has been invalidated by rotation.',
    ),
  invalidAccessToken: () => notAuthorized('Invalid Access Token'),
  revokedAccessToken: () => notAuthorized('Access Token has been revoked'),
  tooManyRequests: () => new AwsError('TooManyRequestsException', 'Rate exceeded'),
} as const;
