import type { JWTPayload } from 'jose';
import type { RoleOfClaim } from '../../shared/config/authentication.ts';
import { reaches, type Role } from '../../shared/domain/roles.ts';

/** The values of a claim: of a list, of words with spaces between them, or the one it is. */
function valuesOf(payload: JWTPayload, claim: string): readonly string[] {
  const value = Object.hasOwn(payload, claim) ? payload[claim] : step(payload, claim.split('.'));
  if (typeof value === 'string') return [value, ...value.split(' ')];
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is string => typeof one === 'string');
}

function step(value: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return step((value as Record<string, unknown>)[name], rest);
}

/** The highest role that a value of the claim gives; undefined where none of them gives one. */
export function roleFrom(
  payload: JWTPayload,
  claim: string,
  roles: readonly RoleOfClaim[],
): Role | undefined {
  const values = new Set(valuesOf(payload, claim));
  return roles
    .filter(({ value }) => values.has(value))
    .map(({ role }) => role)
    .reduce<Role | undefined>(
      (best, role) => (best !== undefined && reaches(best, role) ? best : role),
      undefined,
    );
}

/**
 * The name under which the caller is recorded: of the claim that is set, or Cognito's username,
 * which no user can change, or the subject.
 */
export function actorFrom(payload: JWTPayload, claim: string | undefined): string | undefined {
  const names =
    claim === undefined
      ? [...(isCognito(payload) ? ['cognito:username', 'username'] : []), 'sub']
      : [claim];
  return names.map((name) => valuesOf(payload, name)[0]).find((name) => name);
}

/**
 * Whether the token was made for one of the audiences. Cognito's access tokens have no `aud`, but
 * the app client in `client_id` ("Verifying JSON web tokens", Amazon Cognito developer guide).
 */
export function isFor(payload: JWTPayload, audiences: readonly string[]): boolean {
  if (isCognito(payload) && payload.token_use === 'access') {
    return typeof payload.client_id === 'string' && audiences.includes(payload.client_id);
  }
  if (isCognito(payload) && payload.token_use !== 'id') return false;
  return [payload.aud].flat().some((one) => one !== undefined && audiences.includes(one));
}

function isCognito(payload: JWTPayload): boolean {
  return payload.token_use !== undefined;
}
