import { randomBytes } from 'node:crypto';
import type { CognitoPrincipal, CredentialStore, IssuedCredentials } from '../contract.ts';
import { DAY_MS, type Durations, HOUR_MS } from '../world/duration.ts';

const KEY_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Temporary credentials of the enhanced flow: 1 h, not configurable. */
export class IssuedCredentialStore implements CredentialStore {
  readonly #byAccessKey = new Map<string, IssuedCredentials>();
  readonly #durations: Durations;
  readonly #now: () => number;

  constructor(durations: Durations, now: () => number) {
    this.#durations = durations;
    this.#now = now;
  }

  find(accessKeyId: string): IssuedCredentials | undefined {
    return this.#byAccessKey.get(accessKeyId);
  }

  issue(principal: CognitoPrincipal): IssuedCredentials {
    this.#dropLongExpired();
    const issued: IssuedCredentials = {
      accessKeyId: `ASIA${keyText(16)}`,
      secretKey: randomBytes(30).toString('base64'),
      sessionToken: `IQoJb3JpZ2luX2Vj${randomBytes(480).toString('base64')}`,
      expiresAtMs: this.#now() + this.#durations.scale(HOUR_MS),
      principal,
    };
    this.restore(issued);
    return issued;
  }

  restore(issued: IssuedCredentials): void {
    this.#byAccessKey.set(issued.accessKeyId, issued);
  }

  all(): readonly IssuedCredentials[] {
    return [...this.#byAccessKey.values()];
  }

  /** Ends the life of an identity's credentials, or of everybody's; gives how many it ended. */
  expire(identityId: string | undefined): number {
    const nowMs = this.#now();
    let ended = 0;
    for (const [accessKeyId, issued] of this.#byAccessKey) {
      const concerned = identityId === undefined || issued.principal.identityId === identityId;
      if (!concerned || issued.expiresAtMs <= nowMs) continue;
      this.#byAccessKey.set(accessKeyId, { ...issued, expiresAtMs: nowMs });
      ended += 1;
    }
    return ended;
  }

  /** Expired keys are told apart from unknown ones for a day; the oldest stand first. */
  #dropLongExpired(): void {
    const before = this.#now() - DAY_MS;
    for (const [accessKeyId, issued] of this.#byAccessKey) {
      if (issued.expiresAtMs > before) return;
      this.#byAccessKey.delete(accessKeyId);
    }
  }
}

function keyText(length: number): string {
  return [...randomBytes(length)].map((byte) => KEY_ALPHABET.charAt(byte & 31)).join('');
}
