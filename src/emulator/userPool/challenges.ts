import { randomBytes } from 'node:crypto';
import { type Durations, MINUTE_MS } from '../world/duration.ts';
import { userPoolError } from './errors.ts';
import type { User } from './model.ts';

/** The challenges that a user here can be given. */
export type ChallengeName = 'NEW_PASSWORD_REQUIRED' | 'SOFTWARE_TOKEN_MFA';

/** Cognito's default; 3 to 15 minutes can be set there. */
const SESSION_MS = 3 * MINUTE_MS;

interface Pending {
  readonly name: ChallengeName;
  readonly user: User;
  readonly clientId: string;
  readonly expiresAtMs: number;
}

/** What InitiateAuth answers instead of tokens. */
export interface ChallengeAnswer {
  readonly ChallengeName: ChallengeName;
  readonly Session: string;
  readonly ChallengeParameters: Readonly<Record<string, string>>;
}

/** Sign-ins that stand half done. */
export class Challenges {
  readonly #bySession = new Map<string, Pending>();
  readonly #durations: Durations;

  constructor(durations: Durations) {
    this.#durations = durations;
  }

  /** The challenge that stands between this user's right password and tokens; or none. */
  next(user: User): ChallengeName | undefined {
    if (user.status === 'FORCE_CHANGE_PASSWORD') return 'NEW_PASSWORD_REQUIRED';
    return user.totpSecret === undefined ? undefined : 'SOFTWARE_TOKEN_MFA';
  }

  open(name: ChallengeName, user: User, clientId: string, nowMs: number): ChallengeAnswer {
    const session = randomBytes(600).toString('base64url');
    const expiresAtMs = nowMs + this.#durations.scale(SESSION_MS);
    for (const [other, pending] of this.#bySession) {
      if (pending.expiresAtMs + SESSION_MS < nowMs) this.#bySession.delete(other);
    }
    this.#bySession.set(session, { name, user, clientId, expiresAtMs });
    return {
      ChallengeName: name,
      Session: session,
      ChallengeParameters: {
        USER_ID_FOR_SRP: user.username,
        ...(name === 'NEW_PASSWORD_REQUIRED'
          ? { requiredAttributes: '[]', userAttributes: JSON.stringify(user.attributes) }
          : {}),
      },
    };
  }

  /** The user of an open session, which it leaves open. Throws NotAuthorizedException. */
  find(session: string, name: ChallengeName, clientId: string, nowMs: number): User {
    const pending = this.#bySession.get(session);
    if (pending === undefined || pending.name !== name || pending.clientId !== clientId) {
      throw userPoolError.invalidSession();
    }
    if (nowMs >= pending.expiresAtMs) throw userPoolError.expiredSession();
    return pending.user;
  }

  close(session: string): void {
    this.#bySession.delete(session);
  }
}
