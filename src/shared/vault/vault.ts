import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { CourierError } from '../errors/courierError.ts';
import type { VaultKeys } from './keys.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM with the purpose bound in as additional data, so that a ciphertext copied to another
 * identity or another use does not decrypt. Format: `v1.<key id>.<base64url of iv, tag, text>`.
 */
export class Vault {
  readonly #keys: VaultKeys;

  constructor(keys: VaultKeys) {
    this.#keys = keys;
  }

  /** `binding` names what the secret belongs to, for example `secret:idn_…`. */
  seal(plaintext: string, binding: string): string {
    const { active, byId } = this.#keys;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', byId.get(active) ?? Buffer.alloc(0), iv);
    cipher.setAAD(Buffer.from(binding, 'utf8'));
    const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    const packed = Buffer.concat([iv, cipher.getAuthTag(), sealed]);
    return `v1.${active}.${packed.toString('base64url')}`;
  }

  /** Whether the active key sealed it; what another one did is good, but keeps that key in use. */
  isCurrent(sealed: string): boolean {
    return sealed.split('.')[1] === this.#keys.active;
  }

  /** @throws VAULT_KEY_UNKNOWN or VAULT_CORRUPT; neither says anything of the secret. */
  open(sealed: string, binding: string): string {
    const [version, keyId = '', encoded = ''] = sealed.split('.');
    const key = this.#keys.byId.get(keyId);
    if (version !== 'v1' || key === undefined) {
      throw new CourierError(
        'VAULT_KEY_UNKNOWN',
        `A secret (${binding}) was encrypted with the key "${keyId}", which VAULT_KEYS does not have.`,
        'Add that key to VAULT_KEYS, behind the active one.',
      );
    }
    const packed = Buffer.from(encoded, 'base64url');
    try {
      // Without the length a shorter tag would do, which is easier to forge.
      const options = { authTagLength: TAG_BYTES };
      const iv = packed.subarray(0, IV_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, iv, options);
      decipher.setAAD(Buffer.from(binding, 'utf8'));
      decipher.setAuthTag(packed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      const text = packed.subarray(IV_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
    } catch {
      throw new CourierError(
        'VAULT_CORRUPT',
        `A secret (${binding}) does not decrypt with the key "${keyId}".`,
        'The key has the right id but another value, or the data was altered: restore the key, or give the identity its password again.',
      );
    }
  }
}
