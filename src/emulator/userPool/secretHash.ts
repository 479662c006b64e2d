import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IdentitySettings } from '../settings/identitySettings.ts';
import { userPoolError } from './errors.ts';
import type { AppClient } from './model.ts';

/** Base64 of HMAC-SHA256, keyed with the client's secret, over user name and client id. */
function secretHash(username: string, clientId: string, clientSecret: string): string {
  return createHmac('sha256', clientSecret)
    .update(username + clientId)
    .digest('base64');
}

/** Throws where the client has a secret and the hash is missing or, the name known, wrong. */
export function checkSecretHash(
  client: AppClient,
  username: string | undefined,
  given: string | undefined,
  message: IdentitySettings['secretHashMessage'],
): void {
  if (client.clientSecret === undefined) return;
  if (given === undefined) throw userPoolError.secretHashMissing(client.clientId);
  if (username === undefined) return;
  const expected = Buffer.from(secretHash(username, client.clientId, client.clientSecret));
  const actual = Buffer.from(given);
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) {
    throw userPoolError.secretHashMismatch(client.clientId, message);
  }
}
