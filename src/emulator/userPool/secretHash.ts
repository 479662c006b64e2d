import { createHmac, timingSafeEqual } from 'node:crypto';

/** Base64 of HMAC-SHA256, keyed with the client's secret, over user name and client id. */
export function secretHash(username: string, clientId: string, clientSecret: string): string {
  return createHmac('sha256', clientSecret)
    .update(username + clientId)
    .digest('base64');
}

export function secretHashMatches(
  given: string,
  username: string,
  clientId: string,
  clientSecret: string,
): boolean {
  const expected = Buffer.from(secretHash(username, clientId, clientSecret));
  const actual = Buffer.from(given);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
