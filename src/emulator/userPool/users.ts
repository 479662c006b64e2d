import type { SeededNames } from '../world/seededNames.ts';
import type { User, UsernameStyle, UserStatus } from './model.ts';

export interface NewUser {
  readonly username: string;
  readonly password: string;
  readonly status: UserStatus;
  readonly attributes?: ReadonlyMap<string, string>;
}

/** The users of one pool, by user name and, where users have one, by alias. */
export class UserDirectory {
  readonly #byUsername = new Map<string, User>();
  readonly #byAlias = new Map<string, User>();
  readonly #bySubject = new Map<string, User>();
  readonly #names: SeededNames;
  readonly #style: UsernameStyle;

  constructor(names: SeededNames, style: UsernameStyle) {
    this.#names = names;
    this.#style = style;
  }

  withSubject(sub: string): User | undefined {
    return this.#bySubject.get(sub);
  }

  /** By user name or alias; undefined where there is none. */
  find(name: string): User | undefined {
    return this.#byUsername.get(name) ?? this.#byAlias.get(name);
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  add(user: NewUser, nowMs: number): User {
    const sub = this.#names.uuid(`user:${user.username}`);
    const created: User = {
      username: this.#style === 'uuid' ? sub : user.username,
      ...(this.#style === 'uuid' ? { alias: user.username } : {}),
      sub,
      attributes: user.attributes ?? new Map(),
      groups: [],
      createdAtMs: nowMs,
      password: user.password,
      status: user.status,
      enabled: true,
      modifiedAtMs: nowMs,
      signedOutAtMs: 0,
    };
    this.#byUsername.set(created.username, created);
    this.#bySubject.set(created.sub, created);
    if (created.alias !== undefined) this.#byAlias.set(created.alias, created);
    return created;
  }

  /** In the order in which they were added. */
  all(): Iterable<User> {
    return this.#byUsername.values();
  }
}
