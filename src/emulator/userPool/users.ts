import type { SeededNames } from '../world/seededNames.ts';
import type { User, UsernameStyle, UserStatus } from './model.ts';

export interface NewUser {
  readonly username: string;
  readonly password: string;
  readonly status: UserStatus;
  readonly attributes?: Readonly<Record<string, string>>;
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

  /** By user name or alias; undefined where there is none. */
  find(name: string): User | undefined {
    return this.#byUsername.get(name) ?? this.#byAlias.get(name);
  }

  withSubject(sub: string): User | undefined {
    return this.#bySubject.get(sub);
  }

  /** A user of this name must not exist yet. */
  add(user: NewUser, nowMs: number): User {
    const sub = this.#names.uuid(`user:${user.username}`);
    const temporary = user.status === 'FORCE_CHANGE_PASSWORD';
    const created: User = {
      username: this.#style === 'uuid' ? sub : user.username,
      ...(this.#style === 'uuid' ? { alias: user.username } : {}),
      sub,
      attributes: user.attributes ?? {},
      createdAtMs: nowMs,
      password: user.password,
      ...(temporary ? { temporarySinceMs: nowMs } : {}),
      status: user.status,
      enabled: true,
      modifiedAtMs: nowMs,
      signOuts: 0,
    };
    this.restore(created);
    return created;
  }

  /** Takes a user back as it was. */
  restore(user: User): void {
    this.#byUsername.set(user.username, user);
    this.#bySubject.set(user.sub, user);
    if (user.alias !== undefined) this.#byAlias.set(user.alias, user);
  }

  remove(user: User): void {
    this.#byUsername.delete(user.username);
    this.#bySubject.delete(user.sub);
    if (user.alias !== undefined) this.#byAlias.delete(user.alias);
  }

  /** In the order in which they were added. */
  all(): readonly User[] {
    return [...this.#byUsername.values()];
  }
}
