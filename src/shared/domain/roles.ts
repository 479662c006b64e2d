/**
 * What a caller may do, from least to most; each role may do all that those before it may.
 * A viewer reads. An operator acts on what it names: updates, a batch, identities and their
 * connections. An approver acts on what a filter finds, on groups and on the fleet, and decides
 * which identities there are. An admin decides who may do what, and changes settings.
 */
export const ROLES = ['viewer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

/** Whether `role` may do what `needed` may. */
export function reaches(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
