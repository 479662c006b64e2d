import { InputReader } from '../http/input.ts';
import type { JsonOperation, JsonService } from '../http/jsonProtocol.ts';
import type { Quotas } from '../world/quotas.ts';
import type { IssuedCredentialStore } from './credentials.ts';
import { identityPoolError } from './errors.ts';
import type { IdentityDirectory } from './identities.ts';
import { type LoginVerifier, verifyLogin } from './loginToken.ts';
import type { IamRole, IdentityPool } from './model.ts';
import { selectRole } from './roleSelection.ts';

const ID_PATTERN = /^[\w-]+:[0-9a-f-]+$/;
const read = new InputReader(identityPoolError.invalidParameter);

export interface IdentityPoolParts {
  readonly pool: IdentityPool;
  readonly roles: ReadonlyMap<string, IamRole>;
  readonly identities: IdentityDirectory;
  readonly credentials: IssuedCredentialStore;
  readonly verifier: LoginVerifier;
  readonly quotas: Quotas;
}

/** Amazon Cognito identity pools, as `AWSCognitoIdentityService`. */
export function identityPoolService(parts: IdentityPoolParts): JsonService {
  const { pool, identities, credentials, quotas } = parts;

  const getId: JsonOperation = async (input) => {
    const identityPoolId = read.matching(input, 'IdentityPoolId', ID_PATTERN, 55);
    const logins = read.stringMap(input, 'Logins');
    if (!quotas.tryTake('GetId')) throw identityPoolError.tooManyRequests();
    if (identityPoolId !== pool.identityPoolId)
      throw identityPoolError.poolNotFound(identityPoolId);
    const login = await verifyLogin(pool, logins, parts.verifier);
    const identity = identities.forLogin(
      {
        identityPoolId,
        providerName: login.provider.providerName,
        subject: login.subject,
      },
      pool.region,
    );
    return { IdentityId: identity.identityId };
  };

  const getCredentials: JsonOperation = async (input) => {
    const identityId = read.matching(input, 'IdentityId', ID_PATTERN, 55);
    const logins = read.stringMap(input, 'Logins');
    if (!quotas.tryTake('GetCredentialsForIdentity')) throw identityPoolError.tooManyRequests();
    const identity = identities.find(identityId);
    if (identity === undefined) throw identityPoolError.identityNotFound(identityId);
    if (Object.keys(logins).length === 0) throw identityPoolError.loginsDoNotMatch();
    const login = await verifyLogin(pool, logins, parts.verifier);
    if (
      login.subject !== identity.subject ||
      login.provider.providerName !== identity.providerName
    ) {
      throw identityPoolError.loginsDoNotMatch();
    }
    const role = selectRole(pool, login, parts.roles);
    const issued = credentials.issue({
      identityId,
      roleArn: role.arn,
      principalId: `${role.roleId}:CognitoIdentityCredentials`,
    });
    return {
      IdentityId: identityId,
      Credentials: {
        AccessKeyId: issued.accessKeyId,
        SecretKey: issued.secretKey,
        SessionToken: issued.sessionToken,
        Expiration: issued.expiresAtMs / 1000,
      },
    };
  };

  return {
    targetPrefix: 'AWSCognitoIdentityService',
    operations: new Map([
      ['GetId', getId],
      ['GetCredentialsForIdentity', getCredentials],
    ]),
  };
}
