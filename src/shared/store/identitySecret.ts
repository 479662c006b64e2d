import { z } from 'zod';
import type { Vault } from '../vault/vault.ts';

/** What an identity signs in with. Leaves the vault only in the worker that owns the identity. */
const identitySecret = z.union([
  z.object({ password: z.string() }),
  z.object({ refreshToken: z.string() }),
]);
export type IdentitySecret = z.infer<typeof identitySecret>;

const binding = (identityId: string) => `secret:${identityId}`;

export function sealSecret(vault: Vault, identityId: string, secret: IdentitySecret): string {
  return vault.seal(JSON.stringify(secret), binding(identityId));
}

/** @throws VAULT_KEY_UNKNOWN, VAULT_CORRUPT */
export function openSecret(vault: Vault, identityId: string, sealed: string): IdentitySecret {
  return identitySecret.parse(JSON.parse(vault.open(sealed, binding(identityId))));
}
