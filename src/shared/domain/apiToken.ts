import { hash, randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
import type { Role } from './roles.ts';

/** A bearer token that an admin made. What it is worth is shown once and kept as a hash only. */
export interface ApiTokenRecord {
  readonly id: string;
  /** The name under which its requests are recorded. */
  readonly name: string;
  readonly role: Role;
  /** The operations that it may use, of those that its role may; undefined for all of these. */
  readonly operations?: readonly string[] | undefined;
  /** What the token begins with, to recognise it by. */
  readonly prefix: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  /** To the minute; undefined while it was never used. */
  readonly lastUsedAt?: number | undefined;
  readonly revocation?: { readonly at: number; readonly by: string; readonly reason: string };
}

export const API_TOKEN_STATES = ['ACTIVE', 'EXPIRED', 'REVOKED'] as const;
export type ApiTokenState = (typeof API_TOKEN_STATES)[number];

export function stateOf(token: ApiTokenRecord, at: number): ApiTokenState {
  if (token.revocation !== undefined) return 'REVOKED';
  return token.expiresAt <= at ? 'EXPIRED' : 'ACTIVE';
}

/** So that a leaked one is recognised, by people and by scanners. */
const MARK = 'sct_';
const SECRET_BYTES = 32;
const SHOWN = MARK.length + 6;
const SHAPE = /^sct_[\w-]{43}$/;

/** 256 random bits, so that a plain hash of it cannot be guessed back. */
export function newApiTokenSecret(): string {
  return `${MARK}${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

export function looksLikeApiToken(token: string): boolean {
  return SHAPE.test(token);
}

export function prefixOf(secret: string): string {
  return secret.slice(0, SHOWN);
}

export function newApiTokenId(): string {
  return `tok_${ulid()}`;
}

export function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
