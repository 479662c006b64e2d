/**
 * Verifies AWS Signature Version 4, in the query (`/mqtt`) and in the Authorization header (every
 * HTTPS API). The signed headers are those that the request declares: aws-crt signs
 * `connection;host`, the AWS SDKs more (aws-facts 4.1, 10).
 */
import { timingSafeEqual } from 'node:crypto';
import type { Administrator, CredentialStore, IssuedCredentials } from '../contract.ts';
import {
  canonicalRequest,
  headerValue,
  parseScope,
  type QueryPair,
  signature,
  splitUrl,
  type WireRequest,
} from './canonical.ts';

/** AWS's tolerance between the signer's clock and its own. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;
const ALGORITHM = 'AWS4-HMAC-SHA256';

/** Who signed: a Cognito identity, or the account's administrator. */
export type Caller =
  | { readonly kind: 'cognito'; readonly credentials: IssuedCredentials }
  | { readonly kind: 'administrator'; readonly accessKeyId: string };

export type SignatureFault =
  | 'MISSING'
  | 'MALFORMED'
  | 'SCOPE'
  | 'CLOCK_SKEW'
  | 'UNKNOWN_KEY'
  | 'TOKEN'
  | 'EXPIRED'
  | 'MISMATCH';

export type Verification =
  | { readonly ok: true; readonly caller: Caller }
  | { readonly ok: false; readonly fault: SignatureFault; readonly message: string };

export interface VerifierOptions {
  readonly region: string;
  /** Names of the service that a credential scope may carry. */
  readonly services: readonly string[];
  readonly credentials: CredentialStore;
  readonly administrator?: Administrator;
  /** Whether a key that nobody issued passes as administrator without a verifiable signature. */
  readonly trustForeignKeys: boolean;
  /** Also accept a query signature that covers the security token. */
  readonly acceptSignedToken: boolean;
  readonly now: () => number;
}

interface Claim {
  readonly credential: string;
  readonly amzDate: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly token: string | undefined;
  readonly expiresInMs: number | undefined;
  /** The query to be signed over; more than one where the token may be in or out. */
  readonly queries: readonly (readonly QueryPair[])[];
}

function refuse(fault: SignatureFault, message: string): Verification {
  return { ok: false, fault, message };
}

/** Epoch milliseconds of `YYYYMMDDTHHMMSSZ`; NaN where it is none. */
function parseAmzDate(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return Number.NaN;
  const [, year, month, day, hour, minute, second] = match.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

function queryClaim(query: readonly QueryPair[], acceptSignedToken: boolean): Claim | undefined {
  const values = new Map(query.map(([name, value]) => [name.toLowerCase(), value]));
  const credential = values.get('x-amz-credential');
  const amzDate = values.get('x-amz-date');
  const signedHeaders = values.get('x-amz-signedheaders');
  const given = values.get('x-amz-signature');
  if (values.get('x-amz-algorithm') !== ALGORITHM) return undefined;
  if (!credential || !amzDate || !signedHeaders || !given) return undefined;
  const expires = values.get('x-amz-expires');
  const expiresInMs = expires === undefined ? undefined : Number(expires) * 1000;
  const covered = query.filter(([name]) => name.toLowerCase() !== 'x-amz-signature');
  const bare = covered.filter(([name]) => name.toLowerCase() !== 'x-amz-security-token');
  return {
    credential,
    amzDate,
    signedHeaders: signedHeaders.split(';'),
    signature: given,
    token: values.get('x-amz-security-token'),
    expiresInMs,
    queries: acceptSignedToken && bare.length !== covered.length ? [bare, covered] : [bare],
  };
}

function headerClaim(request: WireRequest, query: readonly QueryPair[]): Claim | undefined {
  const authorization = headerValue(request.rawHeaders, 'authorization') ?? '';
  if (!authorization.startsWith(`${ALGORITHM} `)) return undefined;
  const fields = new Map<string, string>();
  for (const part of authorization.slice(ALGORITHM.length).split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  const credential = fields.get('Credential');
  const signedHeaders = fields.get('SignedHeaders');
  const given = fields.get('Signature');
  const amzDate = headerValue(request.rawHeaders, 'x-amz-date');
  if (!credential || !signedHeaders || !given || !amzDate) return undefined;
  return {
    credential,
    amzDate,
    signedHeaders: signedHeaders.split(';'),
    signature: given,
    token: headerValue(request.rawHeaders, 'x-amz-security-token'),
    expiresInMs: undefined,
    queries: [query],
  };
}

/** Checks signature, scope, date, credentials and token; never throws. */
export function verifyRequest(
  request: WireRequest,
  place: 'query' | 'header',
  options: VerifierOptions,
): Verification {
  const url = splitUrl(request.url);
  if (!url) return refuse('MALFORMED', 'The request URL cannot be decoded');
  const claim =
    place === 'query'
      ? queryClaim(url.query, options.acceptSignedToken)
      : headerClaim(request, url.query);
  if (!claim) return refuse('MISSING', 'Missing Authentication Token');
  const scope = parseScope(claim.credential);
  if (!scope || !claim.signedHeaders.includes('host')) {
    return refuse('MALFORMED', 'Credential or SignedHeaders of the signature are malformed');
  }
  if (scope.region !== options.region || !options.services.includes(scope.service)) {
    const scoped = `${scope.region}/${scope.service}`;
    return refuse('SCOPE', `Credential should be scoped to a valid region/service, not ${scoped}`);
  }
  const signedAtMs = parseAmzDate(claim.amzDate);
  const skewMs = options.now() - signedAtMs;
  const latestMs = claim.expiresInMs ?? CLOCK_SKEW_MS;
  if (!(skewMs >= -CLOCK_SKEW_MS && skewMs <= latestMs)) {
    return refuse('CLOCK_SKEW', `Signature expired or not yet current: ${claim.amzDate}`);
  }
  if (!claim.amzDate.startsWith(scope.date)) {
    return refuse('SCOPE', 'Date in Credential scope does not match X-Amz-Date');
  }
  return verifyKey(request, url.path, claim, scope.accessKeyId, options);
}

function verifyKey(
  request: WireRequest,
  path: string,
  claim: Claim,
  accessKeyId: string,
  options: VerifierOptions,
): Verification {
  const issued = options.credentials.find(accessKeyId);
  if (issued) {
    if (claim.token !== issued.sessionToken) {
      return refuse('TOKEN', 'The security token included in the request is invalid');
    }
    if (!matches(request, path, claim, issued.secretKey)) return mismatch();
    if (options.now() >= issued.expiresAtMs) {
      return refuse('EXPIRED', 'The security token included in the request is expired');
    }
    return { ok: true, caller: { kind: 'cognito', credentials: issued } };
  }
  const { administrator } = options;
  if (administrator === undefined && options.trustForeignKeys) {
    return { ok: true, caller: { kind: 'administrator', accessKeyId } };
  }
  if (administrator?.accessKeyId !== accessKeyId) {
    return refuse('UNKNOWN_KEY', 'The security token included in the request is invalid');
  }
  if (!matches(request, path, claim, administrator.secretKey)) return mismatch();
  return { ok: true, caller: { kind: 'administrator', accessKeyId } };
}

function mismatch(): Verification {
  return refuse(
    'MISMATCH',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  );
}

function matches(request: WireRequest, path: string, claim: Claim, secretKey: string): boolean {
  const scope = parseScope(claim.credential);
  if (!scope) return false;
  const given = Buffer.from(claim.signature, 'utf8');
  return claim.queries.some((query) => {
    const canonical = canonicalRequest(request, path, query, claim.signedHeaders);
    if (canonical === undefined) return false;
    const expected = Buffer.from(signature(secretKey, scope, claim.amzDate, canonical), 'utf8');
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
}
