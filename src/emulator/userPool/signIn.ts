import { randomUUID } from 'node:crypto';
import type { Durations } from '../world/duration.ts';
import { userPoolError } from './errors.ts';
import type { Lockout } from './lockout.ts';
import type { AppClient, User } from './model.ts';
import type { RefreshTokens } from './refreshTokens.ts';
import { secretHashMatches } from './secretHash.ts';
import type { TokenIssuer } from './tokens.ts';
import type { UserDirectory } from './users.ts';

/** What a sign-in gives: tokens, or the challenge that stands between. */
export type SignInResult = { readonly AuthenticationResult: AuthenticationResult };

export interface AuthenticationResult {
  readonly AccessToken: string;
  readonly ExpiresIn: number;
  readonly TokenType: 'Bearer';
  readonly IdToken: string;
  /** Absent on a refresh without rotation. */
  readonly RefreshToken?: string;
}

export interface SignInParts {
  readonly users: UserDirectory;
  readonly tokens: TokenIssuer;
  readonly refreshTokens: RefreshTokens;
  readonly lockout: Lockout;
  readonly durations: Durations;
  readonly now: () => number;
}

/** The steps of InitiateAuth. Each throws the exception that Cognito answers at that point. */
export class SignIn {
  readonly #parts: SignInParts;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /** USER_PASSWORD_AUTH. SECRET_HASH covers the name as it was sent, alias or not. */
  async withPassword(
    client: AppClient,
    parameters: Readonly<Record<string, string>>,
  ): Promise<SignInResult> {
    const username = required(parameters, 'USERNAME');
    const password = required(parameters, 'PASSWORD');
    checkSecretHash(client, username, parameters['SECRET_HASH']);
    const user = this.#authenticate(client, username, password);
    return { AuthenticationResult: await this.#firstTokens(client, user) };
  }

  /** REFRESH_TOKEN_AUTH. SECRET_HASH covers the pool's own name of the user, never an alias. */
  async withRefreshToken(
    client: AppClient,
    parameters: Readonly<Record<string, string>>,
  ): Promise<SignInResult> {
    const { refreshTokens, tokens, now } = this.#parts;
    const token = required(parameters, 'REFRESH_TOKEN');
    const session = refreshTokens.find(token);
    // Without a session there is no name to check the hash against, but a missing one is told.
    checkSecretHash(client, session?.user.username, parameters['SECRET_HASH']);
    if (session === undefined || session.clientId !== client.clientId) {
      throw userPoolError.invalidRefreshToken();
    }
    if (now() >= session.expiresAtMs) throw userPoolError.expiredRefreshToken();
    if (session.issuedAtMs <= session.user.signedOutAtMs) throw userPoolError.revokedRefreshToken();
    if (!session.user.enabled) throw userPoolError.userDisabled();
    const issued = await tokens.issue(session.user, client, session, now());
    return {
      AuthenticationResult: {
        AccessToken: issued.accessToken,
        ExpiresIn: issued.expiresIn,
        IdToken: issued.idToken,
        TokenType: 'Bearer',
      },
    };
  }

  #authenticate(client: AppClient, username: string, password: string): User {
    const { users, lockout, now } = this.#parts;
    const user = users.find(username);
    if (user === undefined) {
      throw client.preventUserExistenceErrors
        ? userPoolError.wrongPassword()
        : userPoolError.userNotFound();
    }
    if (lockout.isLocked(user.username, now())) throw userPoolError.attemptsExceeded();
    if (!user.enabled) throw userPoolError.userDisabled();
    if (user.status === 'RESET_REQUIRED') throw userPoolError.resetRequired();
    if (user.password !== password) {
      lockout.failed(user.username, now());
      throw userPoolError.wrongPassword();
    }
    lockout.succeeded(user.username);
    if (user.status === 'UNCONFIRMED') throw userPoolError.notConfirmed();
    return user;
  }

  async #firstTokens(client: AppClient, user: User): Promise<AuthenticationResult> {
    const { tokens, refreshTokens, durations, now } = this.#parts;
    const nowMs = now();
    const session = refreshTokens.issue({
      clientId: client.clientId,
      user,
      originJti: randomUUID(),
      eventId: randomUUID(),
      authTime: Math.floor(nowMs / 1000),
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + durations.scale(client.refreshTokenMs),
    });
    const issued = await tokens.issue(user, client, session, nowMs);
    return {
      AccessToken: issued.accessToken,
      ExpiresIn: issued.expiresIn,
      IdToken: issued.idToken,
      RefreshToken: session.token,
      TokenType: 'Bearer',
    };
  }
}

/** Throws where the client has a secret and the hash is missing or, the name known, wrong. */
function checkSecretHash(
  client: AppClient,
  username: string | undefined,
  given: string | undefined,
): void {
  if (client.clientSecret === undefined) return;
  if (given === undefined) throw userPoolError.secretHashMissing(client.clientId);
  if (username === undefined) return;
  if (!secretHashMatches(given, username, client.clientId, client.clientSecret)) {
    throw userPoolError.secretHashMismatch(client.clientId);
  }
}

function required(parameters: Readonly<Record<string, string>>, name: string): string {
  const value = parameters[name];
  if (value === undefined || value === '') throw userPoolError.missingParameter(name);
  return value;
}
