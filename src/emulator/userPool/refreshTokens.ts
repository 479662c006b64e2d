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
  readonly expiresAtMs: number;
  /** The user's `signOuts` when it was issued; a later sign-out revokes it. */
  readonly signOuts: number;
  /** Epoch milliseconds from when on a rotated token counts as reused. */
  usableUntilMs?: number;
}

/** The refresh tokens that were issued and have not expired long ago. */
export class RefreshTokens {
  readonly #byToken = new Map<string, RefreshSession>();
  /** Any one token of a sign-in, by the `origin_jti` that all tokens of it carry. */
  readonly #byOrigin = new Map<string, RefreshSession>();

  issue(session: Omit<RefreshSession, 'token'>, nowMs: number): RefreshSession {
    this.#dropExpired(nowMs);
    const issued = { ...session, token: newToken() };
    this.restore(issued);
    return issued;
  }

  find(token: string): RefreshSession | undefined {
    return this.#byToken.get(token);
  }

  /** A token of the same sign-in that ends when the first would; the first has a last grace. */
  rotate(session: RefreshSession, graceMs: number, nowMs: number): RefreshSession {
    session.usableUntilMs ??= nowMs + graceMs;
    const { usableUntilMs: _used, ...fresh } = session;
    return this.issue(fresh, nowMs);
  }

  all(): readonly RefreshSession[] {
    return [...this.#byToken.values()];
  }

  restore(session: RefreshSession): void {
    this.#byToken.set(session.token, session);
    this.#byOrigin.set(session.originJti, session);
  }

  /** Whether the sign-in that a token descends from was revoked by a sign-out since. */
  isRevoked(originJti: unknown): boolean {
    const session = typeof originJti === 'string' ? this.#byOrigin.get(originJti) : undefined;
    return session === undefined || session.signOuts !== session.user.signOuts;
  }

  /** Those that were issued first stand first, so the scan mostly stops early. */
  #dropExpired(nowMs: number): void {
    for (const [token, session] of this.#byToken) {
      if (session.expiresAtMs > nowMs) return;
      this.#byToken.delete(token);
      if (this.#byOrigin.get(session.originJti) === session) {
        this.#byOrigin.delete(session.originJti);
      }
    }
  }
}

/** The five dot-separated parts of a JWE, which is what Cognito's refresh tokens look like. */
function newToken(): string {
  const header = Buffer.from('{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}').toString(
    'base64url',
  );
  const parts = [256, 12, 256, 16].map((size) => randomBytes(size).toString('base64url'));
  return [header, ...parts].join('.');
}
