import type { SeededNames } from '../world/seededNames.ts';

export interface Identity {
  readonly identityId: string;
  readonly identityPoolId: string;
  readonly providerName: string;
  readonly subject: string;
}

/** Who has been given which identity id; an id is made on the first GetId and kept for good. */
export class IdentityDirectory {
  readonly #byLogin = new Map<string, Identity>();
  readonly #byId = new Map<string, Identity>();
  readonly #names: SeededNames;

  constructor(names: SeededNames) {
    this.#names = names;
  }

  find(identityId: string): Identity | undefined {
    return this.#byId.get(identityId);
  }

  /** The identity of a user of a provider in a pool, made where there is none yet. */
  forLogin(login: Omit<Identity, 'identityId'>, region: string): Identity {
    const key = loginKey(login);
    const known = this.#byLogin.get(key);
    if (known !== undefined) return known;
    const identityId = `${region}:${this.#names.uuid(`identity:${key}`)}`;
    return this.restore({ ...login, identityId });
  }

  restore(identity: Identity): Identity {
    this.#byLogin.set(loginKey(identity), identity);
    this.#byId.set(identity.identityId, identity);
    return identity;
  }

  all(): readonly Identity[] {
    return [...this.#byId.values()];
  }
}

function loginKey(login: Omit<Identity, 'identityId'>): string {
  return `${login.identityPoolId} ${login.providerName} ${login.subject}`;
}
