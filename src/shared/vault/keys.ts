/** Keys of the vault by id; `active` encrypts, all decrypt. */
export interface VaultKeys {
  readonly active: string;
  readonly byId: ReadonlyMap<string, Buffer>;
}

const KEY_ID = /^[a-zA-Z0-9_-]{1,32}$/;
const KEY_BYTES = 32;

/** Parses `id:base64,id:base64`; returns what is wrong as the end of a sentence where it cannot. */
export function parseVaultKeys(value: string): VaultKeys | string {
  const byId = new Map<string, Buffer>();
  for (const part of value.split(',').map((piece) => piece.trim())) {
    const [id = '', encoded] = part.split(/:(.*)/s);
    // Without a colon the entry may be the key itself, which no message may repeat.
    if (encoded === undefined || !KEY_ID.test(id)) {
      return 'has an entry without a key id (letters, digits, "_" and "-", then a colon)';
    }
    const key = Buffer.from(encoded, 'base64');
    if (key.length !== KEY_BYTES) {
      return `has a key (id ${id}) of ${key.length} bytes where ${KEY_BYTES} are needed`;
    }
    if (byId.has(id)) return `names the key id ${id} twice`;
    byId.set(id, key);
  }
  const active = byId.keys().next().value;
  return active === undefined ? 'is empty' : { active, byId };
}
