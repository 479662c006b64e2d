/**
 * The canonical request of AWS Signature Version 4, as services other than S3 build it
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 */
import { createHash, createHmac } from 'node:crypto';

/** What a signature may cover, exactly as it came over the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query as sent, still encoded. */
  readonly url: string;
  /** Names and values in turn, as in `IncomingMessage.rawHeaders`. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export type QueryPair = readonly [name: string, value: string];

export function sha256Hex(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** RFC 3986 encoding: everything but letters, digits, `-._~` becomes `%XX`. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Splits a URL as sent into its path and its decoded query; undefined where it cannot be decoded. */
export function splitUrl(
  url: string,
): { readonly path: string; readonly query: readonly QueryPair[] } | undefined {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const query: QueryPair[] = [];
  if (mark === -1) return { path, query };
  for (const part of url.slice(mark + 1).split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    const value = equals === -1 ? '' : part.slice(equals + 1);
    try {
      query.push([decodeURIComponent(name), decodeURIComponent(value)]);
    } catch {
      return undefined;
    }
  }
  return { path, query };
}

/** The path without `.` and `..`, each segment encoded once more on top of its wire form. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(encodeRfc3986(segment));
  }
  const trailing = segments.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${segments.join('/')}${trailing}`;
}

function canonicalQuery(query: readonly QueryPair[]): string {
  return query
    .map(([name, value]) => [encodeRfc3986(name), encodeRfc3986(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Every value of a header as sent, trimmed, inner blanks folded, joined by commas. */
export function headerValue(rawHeaders: readonly string[], name: string): string | undefined {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name) {
      values.push((rawHeaders[at + 1] ?? '').trim().replace(/\s+/g, ' '));
    }
  }
  return values.length === 0 ? undefined : values.join(',');
}

/**
 * The canonical request over `signedHeaders` (lower case, in the order declared); undefined where
 * the request lacks one of them.
 */
export function canonicalRequest(
  request: WireRequest,
  path: string,
  query: readonly QueryPair[],
  signedHeaders: readonly string[],
): string | undefined {
  const lines: string[] = [];
  for (const name of signedHeaders) {
    const value = headerValue(request.rawHeaders, name);
    if (value === undefined) return undefined;
    lines.push(`${name}:${value}\n`);
  }
  return [
    request.method,
    canonicalPath(path),
    canonicalQuery(query),
    lines.join(''),
    signedHeaders.join(';'),
    sha256Hex(request.body),
  ].join('\n');
}

export interface Scope {
  readonly accessKeyId: string;
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** Reads `AKID/date/region/service/aws4_request`. */
export function parseScope(credential: string): Scope | undefined {
  const [accessKeyId, date, region, service, terminator, ...rest] = credential.split('/');
  if (!accessKeyId || !date || !region || !service) return undefined;
  if (terminator !== 'aws4_request' || rest.length > 0) return undefined;
  return { accessKeyId, date, region, service };
}

/** The signature in hex of a canonical request signed at `amzDate` (`YYYYMMDDTHHMMSSZ`). */
export function signature(
  secretKey: string,
  scope: Scope,
  amzDate: string,
  canonical: string,
): string {
  const hmac = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text).digest();
  const day = hmac(`AWS4${secretKey}`, scope.date);
  const key = hmac(hmac(hmac(day, scope.region), scope.service), 'aws4_request');
  const credentialScope = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', amzDate, credentialScope, sha256Hex(canonical)].join('\n');
  return hmac(key, text).toString('hex');
}
