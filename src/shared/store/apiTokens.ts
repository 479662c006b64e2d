import {
  type ApiTokenRecord,
  newApiTokenId,
  newApiTokenSecret,
  prefixOf,
  sha256,
} from '../domain/apiToken.ts';
import { isRole, type Role } from '../domain/roles.ts';
import { CourierError } from '../errors/courierError.ts';
import type { RedisClient } from '../redis/client.ts';
import type { Keys } from '../redis/keys.ts';
import { runScript } from '../redis/script.ts';
import { CHECK_API_TOKEN, CREATE_API_TOKEN, REVOKE_API_TOKEN } from './lua/apiTokenScripts.ts';

/** The most tokens that a deployment keeps, ended ones included. */
const MOST = 1000;

export interface NewApiToken {
  readonly name: string;
  readonly role: Role;
  readonly operations: readonly string[] | undefined;
  readonly expiresAt: number;
  readonly createdBy: string;
}

/** The API tokens of a deployment: made, found by what they are worth, and revoked for good. */
export class ApiTokens {
  readonly #redis: RedisClient;
  readonly #all: string;

  constructor(redis: RedisClient, keys: Keys) {
    this.#redis = redis;
    this.#all = keys.apiTokens;
  }

  /** @returns its id, and the token itself, which nothing can tell again. @throws TOO_MANY_TOKENS */
  async create(token: NewApiToken): Promise<{ readonly id: string; readonly secret: string }> {
    const id = newApiTokenId();
    const secret = newApiTokenSecret();
    const fields = {
      name: token.name,
      role: token.role,
      ...(token.operations === undefined ? {} : { operations: JSON.stringify(token.operations) }),
      prefix: prefixOf(secret),
      createdBy: token.createdBy,
      expiresAt: String(token.expiresAt),
    };
    const args = [id, digestOf(secret), MOST, ...Object.entries(fields).flat()];
    const kept = await runScript(this.#redis, CREATE_API_TOKEN, [this.#all], args);
    if (kept === 'kept') return { id, secret };
    throw new CourierError(
      'TOO_MANY_TOKENS',
      `There are ${MOST} API tokens that are good, and no room for another one.`,
      'Revoke those that nobody needs: apiTokens lists when each was used last.',
    );
  }

  /** The token that the secret is, with Redis's time; undefined for none and for a revoked one. */
  async check(
    secret: string,
  ): Promise<{ readonly token: ApiTokenRecord; readonly at: number } | undefined> {
    const digest = digestOf(secret);
    const found = await runScript(this.#redis, CHECK_API_TOKEN, [this.#all], [digest]);
    if (!Array.isArray(found)) return undefined;
    const [id, at, words] = found as [string, string, string[]];
    const token = parse(id, fieldsOf(words));
    return token && { token, at: Number(at) };
  }

  /** @throws TOKEN_NOT_FOUND, TOKEN_REVOKED */
  async revoke(id: string, by: string, reason: string): Promise<void> {
    const answer = await runScript(this.#redis, REVOKE_API_TOKEN, [this.#all], [id, by, reason]);
    if (answer === 'unknown') throw tokenNotFound(id);
    if (answer !== 'ended') return;
    throw new CourierError('TOKEN_REVOKED', `${id} is revoked already.`, 'There is nothing to do.');
  }

  async find(id: string): Promise<ApiTokenRecord | undefined> {
    return isApiTokenId(id)
      ? parse(id, await this.#redis.hgetall(`${this.#all}:${id}`))
      : undefined;
  }

  /** Those made before the one given, newest first, and whether there are more. */
  async page(
    first: number,
    after: string | undefined,
  ): Promise<{ readonly tokens: readonly ApiTokenRecord[]; readonly hasMore: boolean }> {
    const ids = await this.#redis.zrevrange(this.#all, 0, '-1');
    const from = after === undefined ? 0 : ids.findIndex((id) => id === after) + 1;
    if (after !== undefined && from === 0) throw noSuchCursor();
    const found = await Promise.all(ids.slice(from, from + first).map((id) => this.find(id)));
    const tokens = found.filter((token) => token !== undefined);
    return { tokens, hasMore: ids.length > from + first };
  }
}

function digestOf(secret: string): string {
  return sha256(secret).toString('base64url');
}

function fieldsOf(words: readonly string[]): Record<string, string> {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    pairs.push([words[at] ?? '', words[at + 1] ?? '']);
  }
  return Object.fromEntries(pairs);
}

function parse(id: string, fields: Record<string, string>): ApiTokenRecord | undefined {
  const { name, role, prefix, createdBy, operations, lastUsedAt, revokedAt } = fields;
  if (name === undefined || role === undefined || !isRole(role)) return undefined;
  return {
    id,
    name,
    role,
    operations: operations === undefined ? undefined : (JSON.parse(operations) as string[]),
    prefix: prefix ?? '',
    createdAt: Number(fields.createdAt),
    createdBy: createdBy ?? '',
    expiresAt: Number(fields.expiresAt),
    lastUsedAt: lastUsedAt === undefined ? undefined : Number(lastUsedAt),
    ...(revokedAt === undefined
      ? {}
      : {
          revocation: {
            at: Number(revokedAt),
            by: fields.revokedBy ?? '',
            reason: fields.reason ?? '',
          },
        }),
  };
}

export function isApiTokenId(text: string): boolean {
  return /^tok_\w{26}$/.test(text);
}

export function tokenNotFound(id: string): CourierError {
  return new CourierError(
    'TOKEN_NOT_FOUND',
    // What is no id may be a token.
    isApiTokenId(id) ? `No API token has the id ${id}.` : 'This is not the id of an API token.',
    'Use an id that apiTokens lists: it begins with tok_ and is not the token itself.',
  );
}

function noSuchCursor(): CourierError {
  return new CourierError(
    'PAGE_INVALID',
    'This is no cursor that a page of this list gave, or its token is forgotten.',
    'Leave `after` out to begin again.',
  );
}
