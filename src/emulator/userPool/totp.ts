import { createHmac } from 'node:crypto';
import { userPoolError } from './errors.ts';

const STEP_SECONDS = 30;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The six digits of RFC 6238 (HMAC-SHA1, 30 s) of a base32 secret at a time. */
export function totpCode(secret: string, nowMs: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(nowMs / 1000 / STEP_SECONDS)));
  const digest = createHmac('sha1', decodeBase32(secret)).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 0x0f;
  const number = digest.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** The code of the time itself and of the step before and after it are good. */
export function totpMatches(secret: string, code: string, nowMs: number): boolean {
  return [-1, 0, 1].some((step) => totpCode(secret, nowMs + step * STEP_SECONDS * 1000) === code);
}

/** Throws InvalidParameterException for a secret that is not base32. */
export function checkSecret(secret: string): void {
  if (!/^[A-Za-z2-7]{16,}=*$/.test(secret)) {
    throw userPoolError.invalidParameter('The TOTP secret must be base32, 16 characters or more');
  }
}

function decodeBase32(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const char of text.toUpperCase().replace(/=+$/, '')) {
    const digit = BASE32.indexOf(char);
    if (digit < 0) throw new RangeError('The secret is not base32');
    value = (value << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
      value &= (1 << bits) - 1;
    }
  }
  return Buffer.from(bytes);
}
