import { type JWTPayload, jwtVerify } from 'jose';
import { userPoolError } from './errors.ts';
import type { User } from './model.ts';
import type { RefreshTokens } from './refreshTokens.ts';
import type { TokenIssuer } from './tokens.ts';
import type { UserDirectory } from './users.ts';

/** Finds the user behind an access token. */
export class AccessTokens {
  readonly #tokens: TokenIssuer;
  readonly #users: UserDirectory;
  readonly #refreshTokens: RefreshTokens;
  readonly #now: () => number;

  constructor(
    tokens: TokenIssuer,
    users: UserDirectory,
    refreshTokens: RefreshTokens,
    now: () => number,
  ) {
    this.#tokens = tokens;
    this.#users = users;
    this.#refreshTokens = refreshTokens;
    this.#now = now;
  }

  /** Throws NotAuthorizedException for a token that is forged, expired, revoked or no access token. */
  async userOf(token: string): Promise<User> {
    const claims = await this.#verify(token);
    const user = this.#users.withSubject(claims.sub ?? '');
    if (claims['token_use'] !== 'access' || user === undefined) {
      throw userPoolError.invalidAccessToken();
    }
    if (!user.enabled) throw userPoolError.userDisabled();
    if (this.#refreshTokens.isRevoked(claims['origin_jti']))
      throw userPoolError.revokedAccessToken();
    return user;
  }

  async #verify(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.#tokens.key.publicKey, {
        algorithms: ['RS256'],
        issuer: this.#tokens.issuer,
        currentDate: new Date(this.#now()),
      });
      return payload;
    } catch {
      throw userPoolError.invalidAccessToken();
    }
  }
}
