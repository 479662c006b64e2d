import type { UserDirectory } from '../userPool/users.ts';
import type { SeededNames } from './seededNames.ts';

export interface SeedUser {
  readonly username: string;
  readonly password: string;
}

/** Adds `count` confirmed users, `user-0001` and so on, and returns how they sign in. */
export function addSeedUsers(
  users: UserDirectory,
  names: SeededNames,
  count: number,
  nowMs: number,
): readonly SeedUser[] {
  return Array.from({ length: count }, (_, index) => {
    const username = `user-${String(index + 1).padStart(4, '0')}`;
    const password = names.password(username);
    users.add({ username, password, status: 'CONFIRMED' }, nowMs);
    return { username, password };
  });
}
