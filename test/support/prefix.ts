import { randomBytes } from 'node:crypto';

/** A key prefix that no other test has, fit for Redis keys, queue names and MQTT names. */
export function uniquePrefix(name = 'test'): string {
  return `${name}-${randomBytes(6).toString('hex')}`;
}
