import { createHmac } from 'node:crypto';

/**
 * Cognito's SECRET_HASH: base64(HMAC-SHA256(client secret, username + client id)). On a refresh
 * the username is the pool's own (`cognito:username`), not an alias such as an e-mail address.
 */
export function secretHash(clientSecret: string, username: string, clientId: string): string {
  return createHmac('sha256', clientSecret).update(`${username}${clientId}`).digest('base64');
}
