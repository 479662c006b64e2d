import { createHash } from 'node:crypto';

/** Usernames are personal data and may hold any character: keys carry their digest. */
export function usernameDigest(username: string): string {
  return createHash('sha256').update(username).digest('base64url');
}
