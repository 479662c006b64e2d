import { parse } from 'hono/utils/cookie';
import { z } from 'zod';
import type { Vault } from '../../shared/vault/vault.ts';

export const SESSION_COOKIE = 'courier_session';
const BINDING = 'session';
const Content = z.object({ token: z.string(), until: z.number() });

/** RFC 6265, section 6.1: what browsers keep of one cookie. */
const MAX_COOKIE_BYTES = 4096;

/**
 * Sessions of the web pages: the token that somebody signed in with, sealed by the vault into a
 * cookie. Nothing is kept here, every process with the same VAULT_KEYS knows them, and the token is
 * checked anew with every request, so that one that is revoked or expires ends its sessions.
 */
export class Sessions {
  readonly #vault: Vault;
  readonly ttlMs: number;

  constructor(vault: Vault, ttlMs: number) {
    this.#vault = vault;
    this.ttlMs = ttlMs;
  }

  /** The cookie's value; undefined for a token that is too long for one. */
  seal(token: string): string | undefined {
    const until = Date.now() + this.ttlMs;
    const sealed = this.#vault.seal(JSON.stringify({ token, until }), BINDING);
    return sealed.length + SESSION_COOKIE.length < MAX_COOKIE_BYTES ? sealed : undefined;
  }

  /** The token of the session that a request carries; undefined for none, and for a forged one. */
  tokenOf(headers: Headers): string | undefined {
    const sealed = parse(headers.get('cookie') ?? '', SESSION_COOKIE)[SESSION_COOKIE];
    if (sealed === undefined) return undefined;
    try {
      const { token, until } = Content.parse(JSON.parse(this.#vault.open(sealed, BINDING)));
      return Date.now() < until ? token : undefined;
    } catch {
      return undefined;
    }
  }
}
