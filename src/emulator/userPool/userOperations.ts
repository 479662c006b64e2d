import { type Input, InputReader } from '../http/input.ts';
import type { JsonOperation } from '../http/jsonProtocol.ts';
import type { Quotas } from '../world/quotas.ts';
import type { AccessTokens } from './accessTokens.ts';
import { signOutEverywhere } from './adminOperations.ts';
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

/** Challenges that can be answered here; the model has more, which no user here is given. */
const CHALLENGES = ['NEW_PASSWORD_REQUIRED', 'SOFTWARE_TOKEN_MFA'] as const;

const read = new InputReader(userPoolError.invalidParameter);

export interface UserOperationParts {
  readonly clients: ReadonlyMap<string, AppClient>;
  readonly signIn: SignIn;
  readonly accessTokens: AccessTokens;
  readonly quotas: Quotas;
}

/** The operations that an app calls for its user, unsigned. */
export function userOperations(parts: UserOperationParts): readonly [string, JsonOperation][] {
  const { clients, signIn, quotas } = parts;

  const readClient = (input: Input): string => read.matching(input, 'ClientId', /^[\w+]+$/, 128);

  /** Counted before anything is looked up, as AWS does. */
  const admit = (clientId: string): AppClient => {
    if (!quotas.tryTake('UserAuthentication')) throw userPoolError.tooManyRequests();
    const client = clients.get(clientId);
    if (client === undefined) throw userPoolError.clientNotFound(clientId);
    return client;
  };

  const initiateAuth: JsonOperation = async (input) => {
    const flow = read.oneOf(input, 'AuthFlow', AUTH_FLOWS);
    const clientId = readClient(input);
    const parameters = read.stringMap(input, 'AuthParameters');
    const client = admit(clientId);
    switch (flow) {
      case 'USER_PASSWORD_AUTH':
        if (!client.authFlows.has('USER_PASSWORD_AUTH')) throw userPoolError.flowNotEnabled(flow);
        return signIn.withPassword(client, parameters);
      case 'REFRESH_TOKEN':
      case 'REFRESH_TOKEN_AUTH':
        // Rotation and this flow exclude each other.
        if (!client.authFlows.has('REFRESH_TOKEN_AUTH') || client.rotationGraceMs !== undefined) {
          throw userPoolError.flowNotEnabled(flow);
        }
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

  const respondToAuthChallenge: JsonOperation = async (input) => {
    const name = read.oneOf(input, 'ChallengeName', CHALLENGES);
    const clientId = readClient(input);
    const session = read.string(input, 'Session');
    const responses = read.stringMap(input, 'ChallengeResponses');
    return signIn.withChallenge(admit(clientId), name, session, responses);
  };

  const getTokensFromRefreshToken: JsonOperation = async (input) => {
    const clientId = readClient(input);
    const token = read.string(input, 'RefreshToken');
    const secret = read.optionalString(input, 'ClientSecret');
    return signIn.rotated(admit(clientId), token, secret);
  };

  const globalSignOut: JsonOperation = async (input) => {
    const token = read.string(input, 'AccessToken');
    if (!quotas.tryTake('UserToken')) throw userPoolError.tooManyRequests();
    signOutEverywhere(await parts.accessTokens.userOf(token));
    return {};
  };

  const getUser: JsonOperation = async (input) => {
    const token = read.string(input, 'AccessToken');
    if (!quotas.tryTake('UserRead')) throw userPoolError.tooManyRequests();
    const user = await parts.accessTokens.userOf(token);
    return {
      Username: user.username,
      UserAttributes: [
        { Name: 'sub', Value: user.sub },
        ...Object.entries(user.attributes).map(([Name, Value]) => ({ Name, Value })),
      ],
    };
  };

  return [
    ['InitiateAuth', initiateAuth],
    ['RespondToAuthChallenge', respondToAuthChallenge],
    ['GetTokensFromRefreshToken', getTokensFromRefreshToken],
    ['GlobalSignOut', globalSignOut],
    ['GetUser', getUser],
  ];
}
