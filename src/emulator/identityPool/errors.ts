import { AwsError } from '../http/awsError.ts';

const notAuthorized = (message: string) => new AwsError('NotAuthorizedException', message);

/** Every exception of the identity pool that is answered here; HTTP 400, as its model says. */
export const identityPoolError = {
  invalidParameter: (message: string) => new AwsError('InvalidParameterException', message),
  poolNotFound: (id: string) =>
    new AwsError('ResourceNotFoundException', `IdentityPool '${id}' not found.`),
  identityNotFound: (id: string) =>
    new AwsError('ResourceNotFoundException', `Identity '${id}' not found.`),
  unauthenticatedUnsupported: () =>
    notAuthorized('Unauthenticated access is not supported for this identity pool.'),
  unsupportedProvider: () =>
    notAuthorized('Token is not from a supported provider of this identity pool.'),
  loginsDoNotMatch: () =>
    notAuthorized(
      "Logins don't match. Please include at least one valid login for this identity or identity pool.",
    ),
  notAToken: () => notAuthorized('Invalid login token. Not a valid OpenId Connect identity token.'),
  missingClaim: (claim: string) =>
    notAuthorized(`Invalid login token. Missing a required claim: ${claim}`),
  issuerMismatch: () => notAuthorized("Invalid login token. Issuer doesn't match providerName"),
  badSignature: () => notAuthorized("Invalid login token. Couldn't verify signed token."),
  tokenExpired: (nowSeconds: number, exp: number) =>
    notAuthorized(`Invalid login token. Token expired: ${nowSeconds} >= ${exp}`),
  tokenRevoked: () => notAuthorized('Invalid login token. Token has been revoked.'),
  badRoleConfiguration: () =>
    new AwsError(
      'InvalidIdentityPoolConfigurationException',
      'Invalid identity pool configuration. Check assigned IAM roles for this pool.',
    ),
  tooManyRequests: () => new AwsError('TooManyRequestsException', 'Rate exceeded'),
} as const;
