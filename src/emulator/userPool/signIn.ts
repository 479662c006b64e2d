import { randomUUID } from 'node:crypto';
import type { IdentitySettings } from '../settings/identitySettings.ts';
import type { Durations } from '../world/duration.ts';
import type { ChallengeAnswer, ChallengeName, Challenges } from './challenges.ts';
import { userPoolError } from './errors.ts';
import type { Lockout } from './lockout.ts';
import type { AppClient, PasswordPolicy, User } from './model.ts';
import { checkPassword } from './passwordPolicy.ts';
import type { RefreshSession, RefreshTokens } from './refreshTokens.ts';
import { checkSecretHash } from './secretHash.ts';
import type { TokenIssuer } from './tokens.ts';
import { totpMatches } from './totp.ts';
import type { UserDirectory } from './users.ts';

type Parameters = Readonly<Record<string, string>>;

/** What a sign-in gives: tokens, or the challenge that stands between. */
export type SignInResult =
  | { readonly AuthenticationResult: AuthenticationResult; readonly ChallengeParameters: object }
  | ChallengeAnswer;

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
  readonly challenges: Challenges;
  readonly lockout: Lockout;
  readonly passwordPolicy: PasswordPolicy;
  readonly durations: Durations;
  readonly secretHashMessage: IdentitySettings['secretHashMessage'];
  readonly now: () => number;
}

/** The ways to tokens. Each step throws the exception that Cognito answers at that point. */
export class SignIn {
  readonly #parts: SignInParts;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /** USER_PASSWORD_AUTH. SECRET_HASH covers the name as it was sent, alias or not. */
  async withPassword(client: AppClient, parameters: Parameters): Promise<SignInResult> {
    const username = required(parameters, 'USERNAME');
    const password = required(parameters, 'PASSWORD');
    this.#checkHash(client, username, parameters['SECRET_HASH']);
    const user = this.#authenticate(client, username, password);
    return this.#challengeOrTokens(client, user);
  }

  /** RespondToAuthChallenge. A wrong code may be tried again; a session ends with its success. */
  async withChallenge(
    client: AppClient,
    name: ChallengeName,
    session: string,
    responses: Parameters,
  ): Promise<SignInResult> {
    const { challenges, now } = this.#parts;
    this.#checkHash(client, required(responses, 'USERNAME'), responses['SECRET_HASH']);
    const user = challenges.find(session, name, client.clientId, now());
    if (!user.enabled) throw userPoolError.userDisabled();
    switch (name) {
      case 'NEW_PASSWORD_REQUIRED': {
        const password = required(responses, 'NEW_PASSWORD');
        checkPassword(password, this.#parts.passwordPolicy);
        setPassword(user, password, true, now());
        challenges.close(session);
        return this.#challengeOrTokens(client, user);
      }
      case 'SOFTWARE_TOKEN_MFA': {
        const code = required(responses, 'SOFTWARE_TOKEN_MFA_CODE');
        if (!totpMatches(user.totpSecret ?? '', code, now())) throw userPoolError.codeMismatch();
        challenges.close(session);
        return withTokens(await this.#firstTokens(client, user));
      }
      default:
        return name satisfies never;
    }
  }

  /** REFRESH_TOKEN_AUTH. SECRET_HASH covers the pool's own name of the user, never an alias. */
  async withRefreshToken(client: AppClient, parameters: Parameters): Promise<SignInResult> {
    const token = required(parameters, 'REFRESH_TOKEN');
    const known = this.#parts.refreshTokens.find(token);
    // Without a session there is no name to check the hash against, but a missing one is told.
    this.#checkHash(client, known?.user.username, parameters['SECRET_HASH']);
    const session = this.#usableSession(client, known);
    return withTokens(await this.#tokens(client, session, undefined));
  }

  /** GetTokensFromRefreshToken, which alone works where refresh tokens rotate. */
  async rotated(
    client: AppClient,
    token: string,
    secret: string | undefined,
  ): Promise<SignInResult> {
    const { refreshTokens, durations, now } = this.#parts;
    if (client.clientSecret !== undefined && secret !== client.clientSecret) {
      throw userPoolError.clientSecretMismatch(client.clientId);
    }
    const session = this.#usableSession(client, refreshTokens.find(token));
    const graceMs = client.rotationGraceMs;
    const next =
      graceMs === undefined
        ? undefined
        : refreshTokens.rotate(session, graceMs === 0 ? 0 : durations.scale(graceMs), now());
    return withTokens(await this.#tokens(client, session, next));
  }

  #checkHash(client: AppClient, username: string | undefined, given: string | undefined): void {
    checkSecretHash(client, username, given, this.#parts.secretHashMessage);
  }

  #authenticate(client: AppClient, username: string, password: string): User {
    const { users, lockout, passwordPolicy, durations, now } = this.#parts;
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
    const temporarySinceMs = user.temporarySinceMs;
    if (
      temporarySinceMs !== undefined &&
      now() >= temporarySinceMs + durations.scale(passwordPolicy.temporaryMs)
    ) {
      throw userPoolError.temporaryPasswordExpired();
    }
    return user;
  }

  #usableSession(client: AppClient, session: RefreshSession | undefined): RefreshSession {
    const nowMs = this.#parts.now();
    if (session === undefined || session.clientId !== client.clientId) {
      throw userPoolError.invalidRefreshToken();
    }
    if (nowMs >= session.expiresAtMs) throw userPoolError.expiredRefreshToken();
    if (session.signOuts !== session.user.signOuts) throw userPoolError.revokedRefreshToken();
    if (session.usableUntilMs !== undefined && nowMs >= session.usableUntilMs) {
      throw userPoolError.reusedRefreshToken();
    }
    if (!session.user.enabled) throw userPoolError.userDisabled();
    return session;
  }

  async #challengeOrTokens(client: AppClient, user: User): Promise<SignInResult> {
    const { challenges, now } = this.#parts;
    const challenge = challenges.next(user);
    if (challenge !== undefined) return challenges.open(challenge, user, client.clientId, now());
    return withTokens(await this.#firstTokens(client, user));
  }

  async #firstTokens(client: AppClient, user: User): Promise<AuthenticationResult> {
    const { refreshTokens, durations, now } = this.#parts;
    const nowMs = now();
    const session = refreshTokens.issue(
      {
        clientId: client.clientId,
        user,
        originJti: randomUUID(),
        eventId: randomUUID(),
        authTime: Math.floor(nowMs / 1000),
        expiresAtMs: nowMs + durations.scale(client.refreshTokenMs),
        signOuts: user.signOuts,
      },
      nowMs,
    );
    return this.#tokens(client, session, session);
  }

  async #tokens(
    client: AppClient,
    session: RefreshSession,
    refresh: RefreshSession | undefined,
  ): Promise<AuthenticationResult> {
    const { tokens, now } = this.#parts;
    const issued = await tokens.issue(session.user, client, session, now());
    return {
      AccessToken: issued.accessToken,
      ExpiresIn: issued.expiresIn,
      IdToken: issued.idToken,
      ...(refresh === undefined ? {} : { RefreshToken: refresh.token }),
      TokenType: 'Bearer',
    };
  }
}

/** A permanent password confirms the user; a temporary one must be changed on sign-in. */
export function setPassword(user: User, password: string, permanent: boolean, nowMs: number): void {
  user.password = password;
  user.status = permanent ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD';
  user.modifiedAtMs = nowMs;
  if (permanent) delete user.temporarySinceMs;
  else user.temporarySinceMs = nowMs;
}

function withTokens(result: AuthenticationResult): SignInResult {
  return { AuthenticationResult: result, ChallengeParameters: {} };
}

function required(parameters: Parameters, name: string): string {
  const value = parameters[name];
  if (value === undefined || value === '') throw userPoolError.missingParameter(name);
  return value;
}
