import { randomBytes } from 'node:crypto';
import type { User } from './model.ts';

/** One sign-in's refresh token, opaque to its holder as Cognito's is. */
export interface RefreshSession {
  readonly token: string;
  readonly clientId: string;
  readonly user: User;
  readonly originJti: string;
  readonly eventId: string;
  /** Epoch seconds of the sign-in, the tokens' `auth_time`. */
  readonly authTime: number;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** The refresh tokens that were issued and have not expired long ago. */
export class RefreshTokens {
  readonly #byToken = new Map<string, RefreshSession>();

  issue(session: Omit<RefreshSession, 'token'>): RefreshSession {
    this.#dropExpired(session.issuedAtMs);
    const issued = { ...session, token: newToken() };
    this.#byToken.set(issued.token, issued);
    return issued;
  }

  find(token: string): RefreshSession | undefined {
    return this.#byToken.get(token);
  }

  /** The oldest stand first, and lives are equal within a client, so the scan stops early. */
  #dropExpired(nowMs: number): void {
    for (const [token, session] of this.#byToken) {
      if (session.expiresAtMs > nowMs) return;
      this.#byToken.delete(token);
    }
  }
}

/** The five dot-separated parts of a JWE, which is what Cognito's refresh tokens look like. */
function newToken(): string {
  const header = Buffer.from('{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}').toString(
    'base64url',
  );
  return [
    header,
    ...[256, 12, 256, 16].map((size) => randomBytes(size).toString('base64url')),
  ].join('.');
}
