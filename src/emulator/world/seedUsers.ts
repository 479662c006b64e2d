import type { UserDirectory } from '../userPool/users.ts';
import type { SeededNames } from './seededNames.ts';

export interface SeedUser {
  readonly username: string;
  readonly password: string;
}

/**
 * Makes sure that `count` confirmed users exist, `user-0001` and so on, and returns how they sign
 * in; one who is there from an earlier run stays as he is.
 */
export function addSeedUsers(
  users: UserDirectory,
  names: SeededNames,
  count: number,
  nowMs: number,
): readonly SeedUser[] {
  return Array.from({ length: count }, (_, index) => {
    const username = `user-${String(index + 1).padStart(4, '0')}`;
    const known = users.find(username);
    if (known !== undefined) return { username, password: known.password };
    const password = names.password(username);
    users.add({ username, password, status: 'CONFIRMED' }, nowMs);
    return { username, password };
  });
}
