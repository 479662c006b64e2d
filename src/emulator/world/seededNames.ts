import { createHmac, randomBytes } from 'node:crypto';

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const DIGITS = '0123456789';

/**
 * Ids, names and passwords that are the same in every run with the same seed. What AWS would
 * draw at random is derived from the seed and a label, so that adding one kind of thing never
 * changes another. Without a seed, one is drawn.
 */
export class SeededNames {
  readonly #key: Buffer;

  private constructor(key: Buffer) {
    this.#key = key;
  }

  static fromSeed(seed: string | undefined): SeededNames {
    return new SeededNames(seed === undefined ? randomBytes(32) : Buffer.from(seed));
  }

  /** The names of an earlier run, from what `exportKey` gave. */
  static fromKey(key: string): SeededNames {
    return new SeededNames(Buffer.from(key, 'base64'));
  }

  exportKey(): string {
    return this.#key.toString('base64');
  }

  /** A number from 0 up to but not including 1. */
  fraction(label: string): number {
    return this.#bytes(label, 6).readUIntBE(0, 6) / 2 ** 48;
  }

  uuid(label: string): string {
    const bytes = this.#bytes(label, 16);
    bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
    bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
    const hex = bytes.toString('hex');
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      hex.slice(12, 16),
      hex.slice(16, 20),
      hex.slice(20),
    ].join('-');
  }

  /** `<region>_AbCdEf123`, as user pools are named. */
  userPoolId(region: string): string {
    return `${region}_${this.#text('user-pool', UPPER + LOWER + DIGITS, 9)}`;
  }

  clientId(): string {
    return this.#text('client-id', LOWER + DIGITS, 26);
  }

  clientSecret(): string {
    return this.#text('client-secret', LOWER + DIGITS, 52);
  }

  /** A role's unique id, as `principalId` shows it. */
  roleId(roleName: string): string {
    return `AROA${this.#text(`role:${roleName}`, UPPER + DIGITS, 17)}`;
  }

  /** Four kinds of characters and 20 of them: strong under any Cognito password policy. */
  password(username: string): string {
    return `${this.#text(`password:${username}`, UPPER + LOWER + DIGITS, 16)}-aZ9`;
  }

  #text(label: string, alphabet: string, length: number): string {
    return [...this.#bytes(label, length)]
      .map((byte) => alphabet.charAt(byte % alphabet.length))
      .join('');
  }

  #bytes(label: string, length: number): Buffer {
    const blocks: Buffer[] = [];
    for (let have = 0; have < length; have += 32) {
      blocks.push(createHmac('sha256', this.#key).update(`${blocks.length}:${label}`).digest());
    }
    return Buffer.concat(blocks).subarray(0, length);
  }
}
