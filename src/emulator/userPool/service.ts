import type { JsonOperation, JsonService } from '../http/jsonProtocol.ts';
import { InputReader } from '../http/input.ts';
import type { Quotas } from '../world/quotas.ts';
import { userPoolError } from './errors.ts';
import type { AppClient } from './model.ts';
import type { SignIn } from './signIn.ts';

/** Every flow of the model; those that no client here can use are refused as not enabled. */
const AUTH_FLOWS = [
  'USER_SRP_AUTH',
  'REFRESH_TOKEN_AUTH',
  'REFRESH_TOKEN',
  'CUSTOM_AUTH',
  'ADMIN_NO_SRP_AUTH',
  'USER_PASSWORD_AUTH',
  'ADMIN_USER_PASSWORD_AUTH',
  'USER_AUTH',
] as const;

const read = new InputReader(userPoolError.invalidParameter);

/** Amazon Cognito user pools, as `AWSCognitoIdentityProviderService`. */
export function userPoolService(
  clients: ReadonlyMap<string, AppClient>,
  signIn: SignIn,
  quotas: Quotas,
): JsonService {
  const findClient = (clientId: string): AppClient => {
    const client = clients.get(clientId);
    if (client === undefined) throw userPoolError.clientNotFound(clientId);
    return client;
  };

  const initiateAuth: JsonOperation = async (input) => {
    const flow = read.oneOf(input, 'AuthFlow', AUTH_FLOWS);
    const clientId = read.matching(input, 'ClientId', /^[\w+]+$/, 128);
    const parameters = read.stringMap(input, 'AuthParameters');
    if (!quotas.tryTake('UserAuthentication')) throw userPoolError.tooManyRequests();
    const client = findClient(clientId);
    switch (flow) {
      case 'USER_PASSWORD_AUTH':
        if (!client.authFlows.has('USER_PASSWORD_AUTH')) throw userPoolError.flowNotEnabled(flow);
        return signIn.withPassword(client, parameters);
      case 'REFRESH_TOKEN':
      case 'REFRESH_TOKEN_AUTH':
        if (!client.authFlows.has('REFRESH_TOKEN_AUTH')) throw userPoolError.flowNotEnabled(flow);
        return signIn.withRefreshToken(client, parameters);
      case 'ADMIN_NO_SRP_AUTH':
      case 'ADMIN_USER_PASSWORD_AUTH':
        throw userPoolError.invalidParameter('Initiate Auth method not supported.');
      case 'CUSTOM_AUTH':
      case 'USER_AUTH':
      case 'USER_SRP_AUTH':
        throw userPoolError.flowNotEnabled(flow);
      default:
        return flow satisfies never;
    }
  };

  return {
    targetPrefix: 'AWSCognitoIdentityProviderService',
    operations: new Map([['InitiateAuth', initiateAuth]]),
  };
}
