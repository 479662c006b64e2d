import { expect, test } from 'vitest';
import { CourierError } from '../../src/shared/errors/courierError.ts';
import { parseVaultKeys, type VaultKeys } from '../../src/shared/vault/keys.ts';
import { Vault } from '../../src/shared/vault/vault.ts';

const key = (fill: number) => Buffer.alloc(32, fill);
const keysOf = (...entries: [string, number][]): VaultKeys => ({
  active: entries[0]?.[0] ?? '',
  byId: new Map(entries.map(([id, fill]) => [id, key(fill)])),
});

const SECRET = 'hunter2 — with ünïcode';
const BINDING = 'secret:idn_1';

function refusal(open: () => string): CourierError {
  try {
    open();
  } catch (error) {
    if (error instanceof CourierError) return error;
  }
  throw new Error('it opened');
}

test('what is sealed opens again, and no two seals are alike', () => {
  const vault = new Vault(keysOf(['k1', 1]));
  const [one, other] = [vault.seal(SECRET, BINDING), vault.seal(SECRET, BINDING)];
  expect(one).not.toBe(other);
  expect(vault.open(one, BINDING)).toBe(SECRET);
  expect(vault.open(vault.seal('', BINDING), BINDING)).toBe('');
});

test('a seal that is copied to another identity or another use does not open', () => {
  const vault = new Vault(keysOf(['k1', 1]));
  const sealed = vault.seal(SECRET, BINDING);
  for (const other of ['secret:idn_2', 'credentials:idn_1', '']) {
    expect(refusal(() => vault.open(sealed, other)).code).toBe('VAULT_CORRUPT');
  }
});

test('a key with the right id and another value does not open it', () => {
  const sealed = new Vault(keysOf(['k1', 1])).seal(SECRET, BINDING);
  const error = refusal(() => new Vault(keysOf(['k1', 2])).open(sealed, BINDING));
  expect(error.code).toBe('VAULT_CORRUPT');
});

test('after a rotation new seals carry the new key, and old ones still open', () => {
  const old = new Vault(keysOf(['k1', 1])).seal(SECRET, BINDING);
  const rotated = new Vault(keysOf(['k2', 2], ['k1', 1]));
  expect(rotated.seal(SECRET, BINDING)).toMatch(/^v1\.k2\./);
  expect(rotated.open(old, BINDING)).toBe(SECRET);
});

test('a key that was taken away is named, with what to do', () => {
  const sealed = new Vault(keysOf(['k1', 1])).seal(SECRET, BINDING);
  const error = refusal(() => new Vault(keysOf(['k2', 2])).open(sealed, BINDING));
  expect(error).toMatchObject({ code: 'VAULT_KEY_UNKNOWN' });
  expect(error.message).toContain('"k1"');
  expect(error.remedy).toContain('VAULT_KEYS');
});

test('whatever byte is altered or cut off, it does not open', () => {
  const vault = new Vault(keysOf(['k1', 1]));
  const [version, id, packed = ''] = vault.seal(SECRET, BINDING).split('.');
  const bytes = Buffer.from(packed, 'base64url');
  const forged = Array.from({ length: bytes.length }, (_, at) => {
    const copy = Buffer.from(bytes);
    copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
    return copy;
  });
  const cut = Array.from({ length: bytes.length }, (_, length) => bytes.subarray(0, length));
  for (const wrong of [...forged, ...cut]) {
    const sealed = `${version}.${id}.${wrong.toString('base64url')}`;
    expect(refusal(() => vault.open(sealed, BINDING)).code).toBe('VAULT_CORRUPT');
  }
});

test('a short tag is refused before it is compared', () => {
  const vault = new Vault(keysOf(['k1', 1]));
  const [version, id, packed = ''] = vault.seal('', BINDING).split('.');
  // The first 4 bytes of a true tag are a valid tag of 32 bits, which GCM would take.
  const short = Buffer.from(packed, 'base64url')
    .subarray(0, 12 + 4)
    .toString('base64url');
  expect(refusal(() => vault.open(`${version}.${id}.${short}`, BINDING)).code).toBe(
    'VAULT_CORRUPT',
  );
});

test('no error of the vault repeats the secret', () => {
  const vault = new Vault(keysOf(['k1', 1]));
  const error = refusal(() => vault.open(vault.seal(SECRET, 'other'), BINDING));
  expect(`${error.message}${error.remedy}${error.stack}`).not.toContain('hunter2');
});

const encoded = key(1).toString('base64');

test('keys are read as id and base64, the first one active', () => {
  const keys = parseVaultKeys(`k2:${key(2).toString('base64')}, k1:${encoded}`);
  if (typeof keys === 'string') throw new Error(keys);
  expect(keys.active).toBe('k2');
  expect([...keys.byId.keys()]).toEqual(['k2', 'k1']);
});

test.each([
  ['no id', encoded, 'without a key id'],
  ['an empty value', '', 'without a key id'],
  ['an id with a dot', `k.1:${encoded}`, 'without a key id'],
  ['a key that is too short', `k1:${Buffer.alloc(16).toString('base64')}`, '16 bytes'],
  ['the same id twice', `k1:${encoded},k1:${encoded}`, 'twice'],
])('%s is refused with what is wrong', (_name, value, problem) => {
  expect(parseVaultKeys(value)).toContain(problem);
});

test('a key that was given without an id is not repeated', () => {
  expect(parseVaultKeys('my-only-secret-key')).not.toContain('my-only-secret-key');
});
