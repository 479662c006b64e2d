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
    const key = `${login.identityPoolId} ${login.providerName} ${login.subject}`;
    const known = this.#byLogin.get(key);
    if (known !== undefined) return known;
    const identity = { ...login, identityId: `${region}:${this.#names.uuid(`identity:${key}`)}` };
    this.#byLogin.set(key, identity);
    this.#byId.set(identity.identityId, identity);
    return identity;
  }
}
