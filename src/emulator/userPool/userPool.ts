import type { CallerGate } from '../access/caller.ts';
import type { JsonService } from '../http/jsonProtocol.ts';
import type { ProvisionedUserPool } from '../provision/userPoolResources.ts';
import type { IdentitySettings } from '../settings/identitySettings.ts';
import type { Durations } from '../world/duration.ts';
import type { Quotas } from '../world/quotas.ts';
import type { SeededNames } from '../world/seededNames.ts';
import { AccessTokens } from './accessTokens.ts';
import { adminOperations, signOutEverywhere } from './adminOperations.ts';
import { Challenges } from './challenges.ts';
import { userPoolError } from './errors.ts';
import { Lockout } from './lockout.ts';
import type { User, UserPoolNames, UserStatus } from './model.ts';
import { RefreshTokens } from './refreshTokens.ts';
import { userOperations } from './userOperations.ts';
import { SignIn } from './signIn.ts';
import { type SigningKey, TokenIssuer } from './tokens.ts';
import { checkSecret } from './totp.ts';
import { UserDirectory } from './users.ts';

/** One user pool: its users, their tokens, and its wire. */
export interface UserPool {
  readonly names: UserPoolNames;
  readonly users: UserDirectory;
  readonly tokens: TokenIssuer;
  readonly refreshTokens: RefreshTokens;
  readonly service: JsonService;
  /** Makes a user, or changes what is given of one who exists. */
  setUser(change: UserChange): User;
  /** Revokes every session of a user. Throws UserNotFoundException. */
  signOut(username: string): void;
}

/** What can be set of a user from outside of AWS's APIs; undefined leaves it as it is. */
export interface UserChange {
  readonly username: string;
  readonly password: string | undefined;
  readonly status: UserStatus | undefined;
  readonly enabled: boolean | undefined;
  /** Base32; an empty text takes the authenticator app away. */
  readonly totpSecret: string | undefined;
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
  readonly secretHashMessage: IdentitySettings['secretHashMessage'];
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
    secretHashMessage: parts.secretHashMessage,
    now,
  });
  const clients = new Map(provisioned.clients.map((client) => [client.clientId, client]));
  return {
    names,
    users,
    tokens,
    refreshTokens,
    setUser: (change) => {
      const password = change.password ?? parts.seeded.password(change.username);
      const user =
        users.find(change.username) ??
        users.add({ username: change.username, password, status: 'CONFIRMED' }, now());
      applyChange(user, change);
      return user;
    },
    signOut: (username) => {
      const user = users.find(username);
      if (user === undefined) throw userPoolError.userNotFound();
      signOutEverywhere(user);
    },
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

function applyChange(user: User, change: UserChange): void {
  user.password = change.password ?? user.password;
  user.status = change.status ?? user.status;
  user.enabled = change.enabled ?? user.enabled;
  if (change.totpSecret === '') delete user.totpSecret;
  else if (change.totpSecret !== undefined) {
    checkSecret(change.totpSecret);
    user.totpSecret = change.totpSecret;
  }
}
