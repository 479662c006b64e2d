import type { CallerGate } from '../access/caller.ts';
import type { JsonService } from '../http/jsonProtocol.ts';
import type { ProvisionedUserPool } from '../provision/userPoolResources.ts';
import type { Durations } from '../world/duration.ts';
import type { Quotas } from '../world/quotas.ts';
import type { SeededNames } from '../world/seededNames.ts';
import { AccessTokens } from './accessTokens.ts';
import { adminOperations } from './adminOperations.ts';
import { Challenges } from './challenges.ts';
import { Lockout } from './lockout.ts';
import type { UserPoolNames } from './model.ts';
import { RefreshTokens } from './refreshTokens.ts';
import { userOperations } from './service.ts';
import { SignIn } from './signIn.ts';
import { type SigningKey, TokenIssuer } from './tokens.ts';
import { UserDirectory } from './users.ts';

/** One user pool: its users, their tokens, and its wire. */
export interface UserPool {
  readonly names: UserPoolNames;
  readonly users: UserDirectory;
  readonly tokens: TokenIssuer;
  readonly refreshTokens: RefreshTokens;
  readonly service: JsonService;
}

export interface UserPoolParts {
  readonly names: UserPoolNames;
  readonly provisioned: ProvisionedUserPool;
  readonly accountId: string;
  readonly seeded: SeededNames;
  readonly key: SigningKey;
  readonly gate: CallerGate;
  readonly quotas: Quotas;
  readonly durations: Durations;
  readonly now: () => number;
}

export function createUserPool(parts: UserPoolParts): UserPool {
  const { names, provisioned, quotas, durations, now } = parts;
  const users = new UserDirectory(parts.seeded, names.usernameStyle);
  const tokens = new TokenIssuer(names, parts.key, durations);
  const refreshTokens = new RefreshTokens();
  const signIn = new SignIn({
    users,
    tokens,
    refreshTokens,
    challenges: new Challenges(durations),
    lockout: new Lockout(durations),
    passwordPolicy: provisioned.passwordPolicy,
    durations,
    now,
  });
  const clients = new Map(provisioned.clients.map((client) => [client.clientId, client]));
  return {
    names,
    users,
    tokens,
    refreshTokens,
    service: {
      targetPrefix: 'AWSCognitoIdentityProviderService',
      operations: new Map([
        ...userOperations({
          clients,
          signIn,
          accessTokens: new AccessTokens(tokens, users, refreshTokens, now),
          quotas,
        }),
        ...adminOperations({
          userPoolId: names.userPoolId,
          userPoolArn: `arn:aws:cognito-idp:${names.region}:${parts.accountId}:userpool/${names.userPoolId}`,
          clients,
          users,
          passwordPolicy: provisioned.passwordPolicy,
          newPassword: (username) => parts.seeded.password(username),
          gate: parts.gate,
          quotas,
          now,
        }),
      ]),
    },
  };
}
