/** Reads the payload of a shadow request, in the order in which AWS can be seen to check it. */
import { isUtf8 } from 'node:buffer';
import { SHADOW_ERRORS, type ShadowError } from './errors.ts';
import { depthBeneath, hasNullInArray, isObject, type Json, type JsonObject } from './json.ts';

/** State document limit; metadata does not count (aws-facts 1.3). */
export const MAX_STATE_BYTES = 8 * 1024;
const MAX_CLIENT_TOKEN_BYTES = 64;

export interface UpdateRequest {
  /** The request's `state` as it was sent. */
  readonly state: JsonObject | null;
  readonly desired: JsonObject | null | undefined;
  readonly reported: JsonObject | null | undefined;
  readonly version: number | undefined;
  readonly clientToken: string | undefined;
}

export type Parsed<T> =
  | { readonly ok: true; readonly request: T }
  | {
      readonly ok: false;
      readonly error: ShadowError;
      /** Only where the payload was JSON with a client token. */
      readonly clientToken?: string;
    };

type Body =
  | { readonly ok: true; readonly body: JsonObject }
  | { readonly ok: false; readonly error: ShadowError };

function parseBody(payload: Buffer): Body {
  if (payload.length > MAX_STATE_BYTES) return { ok: false, error: SHADOW_ERRORS.tooLarge };
  if (!isUtf8(payload)) return { ok: false, error: SHADOW_ERRORS.notUtf8 };
  try {
    const body: unknown = JSON.parse(payload.toString('utf8'));
    if (isObject(body)) return { ok: true, body };
  } catch {
    // Answered like any other payload that is not a JSON object.
  }
  return { ok: false, error: SHADOW_ERRORS.invalidJson };
}

function tokenOf(body: JsonObject): string | undefined {
  return typeof body['clientToken'] === 'string' ? body['clientToken'] : undefined;
}

function isValidToken(token: Json | undefined): boolean {
  if (token === undefined) return true;
  return typeof token === 'string' && Buffer.byteLength(token) <= MAX_CLIENT_TOKEN_BYTES;
}

function isValidVersion(version: Json | undefined): boolean {
  return (
    version === undefined ||
    (typeof version === 'number' && Number.isInteger(version) && version >= 0)
  );
}

export function parseUpdate(payload: Buffer, maxDepth: number): Parsed<UpdateRequest> {
  const parsed = parseBody(payload);
  if (!parsed.ok) return parsed;
  const { body } = parsed;
  const clientToken = tokenOf(body);
  const error = faultOf(body, maxDepth);
  if (error) return { ok: false, error, ...(clientToken === undefined ? {} : { clientToken }) };
  const state = body['state'] as JsonObject | null;
  return {
    ok: true,
    request: {
      state,
      desired: sectionOf(state, 'desired'),
      reported: sectionOf(state, 'reported'),
      version: body['version'] as number | undefined,
      clientToken,
    },
  };
}

/** A null state clears both sections, and does not delete the shadow (aws-facts 2.3). */
function sectionOf(
  state: JsonObject | null,
  name: 'desired' | 'reported',
): JsonObject | null | undefined {
  if (state === null) return null;
  return state[name] as JsonObject | null | undefined;
}

function faultOf(body: JsonObject, maxDepth: number): ShadowError | undefined {
  if (!isValidToken(body['clientToken'])) return SHADOW_ERRORS.invalidClientToken;
  if (!isValidVersion(body['version'])) return SHADOW_ERRORS.invalidVersion;
  const { state } = body;
  if (state === undefined) return SHADOW_ERRORS.missingState;
  if (state === null) return undefined;
  if (!isObject(state)) return SHADOW_ERRORS.stateNotObject;
  for (const key in state) {
    const section = state[key];
    if (key !== 'desired' && key !== 'reported') return SHADOW_ERRORS.invalidNode;
    if (section === null || section === undefined) continue;
    if (!isObject(section)) {
      return key === 'desired' ? SHADOW_ERRORS.desiredNotObject : SHADOW_ERRORS.reportedNotObject;
    }
    if (depthBeneath(section, maxDepth) > maxDepth) return SHADOW_ERRORS.tooDeep;
    if (hasNullInArray(section)) return SHADOW_ERRORS.invalidNode;
  }
  return undefined;
}

/** The payload of a get or a delete: empty, or an object that may hold a client token. */
export function parseEmptyable(
  payload: Buffer,
): Parsed<{ readonly clientToken: string | undefined; readonly version: number | undefined }> {
  if (payload.length === 0) {
    return { ok: true, request: { clientToken: undefined, version: undefined } };
  }
  const parsed = parseBody(payload);
  if (!parsed.ok) return parsed;
  const { body } = parsed;
  const clientToken = tokenOf(body);
  const echo = clientToken === undefined ? {} : { clientToken };
  if (!isValidToken(body['clientToken'])) {
    return { ok: false, error: SHADOW_ERRORS.invalidClientToken, ...echo };
  }
  if (!isValidVersion(body['version'])) {
    return { ok: false, error: SHADOW_ERRORS.invalidVersion, ...echo };
  }
  return { ok: true, request: { clientToken, version: body['version'] as number | undefined } };
}
