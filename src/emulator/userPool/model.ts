/** States of a user that change what a sign-in answers; Cognito's own words. */
export type UserStatus = 'UNCONFIRMED' | 'CONFIRMED' | 'RESET_REQUIRED' | 'FORCE_CHANGE_PASSWORD';

export interface User {
  /** The name that the pool knows the user by, and the tokens' `cognito:username`. */
  readonly username: string;
  /** Another name to sign in with, where the pool made up `username` by itself. */
  readonly alias?: string;
  readonly sub: string;
  readonly createdAtMs: number;
  attributes: Readonly<Record<string, string>>;
  password: string;
  /** When an administrator's temporary password was set; it lives for so many days. */
  temporarySinceMs?: number;
  status: UserStatus;
  enabled: boolean;
  /** Base32 secret of an authenticator app; where set, a sign-in asks for its code. */
  totpSecret?: string;
  modifiedAtMs: number;
  /** How often all of the user's sessions were revoked (global sign-out). */
  signOuts: number;
}

export type AuthFlow = 'USER_PASSWORD_AUTH' | 'REFRESH_TOKEN_AUTH';

export interface AppClient {
  readonly clientId: string;
  readonly clientName: string;
  /** Absent for a public client. */
  readonly clientSecret?: string;
  readonly authFlows: ReadonlySet<AuthFlow>;
  readonly idTokenMs: number;
  readonly accessTokenMs: number;
  readonly refreshTokenMs: number;
  /** False (`LEGACY`, the default): a user who does not exist is answered as such. */
  readonly preventUserExistenceErrors: boolean;
  /** Present where refresh tokens rotate: for how long a used one may be used again. */
  readonly rotationGraceMs?: number;
}

/** What a password of the pool must have. */
export interface PasswordPolicy {
  readonly minimumLength: number;
  readonly lowercase: boolean;
  readonly uppercase: boolean;
  readonly numbers: boolean;
  readonly symbols: boolean;
  /** How long an administrator's temporary password is good for. */
  readonly temporaryMs: number;
}

/**
 * How users are named. `given`: by the name that they were created with. `uuid`: the pool makes
 * up a UUID and the given name is an alias, as pools that sign in by e-mail address do. It
 * decides which name SECRET_HASH must hold on REFRESH_TOKEN_AUTH.
 */
export type UsernameStyle = 'given' | 'uuid';

export interface UserPoolNames {
  readonly region: string;
  readonly userPoolId: string;
  readonly usernameStyle: UsernameStyle;
}

/** The key of an identity pool's `Logins` map, and the issuer without its scheme. */
export function providerNameOf(pool: UserPoolNames): string {
  return `cognito-idp.${pool.region}.amazonaws.com/${pool.userPoolId}`;
}
