import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { AwsError } from './awsError.ts';

/** AWS's control planes take far less; a body above this is refused and not kept. */
const MAX_BODY_BYTES = 1024 * 1024;

/** One HTTP request, read to its end. */
export interface Exchange {
  readonly method: string;
  /** Path as sent, still percent-encoded, without the query. */
  readonly rawPath: string;
  readonly query: URLSearchParams;
  /** Path and query as sent; what a signature covers. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly sourceIp: string;
  readonly requestId: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Throws AwsError 413 where the body is too large, and what the socket throws where it breaks. */
export async function readExchange(request: IncomingMessage): Promise<Exchange> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    // Read on to its end, since leaving the loop would close the connection without an answer.
    if (size <= MAX_BODY_BYTES) chunks.push(bytes);
  }
  if (size > MAX_BODY_BYTES) {
    throw new AwsError('RequestEntityTooLargeException', 'Request body too large.', 413);
  }
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: request.method ?? 'GET',
    rawPath: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    url,
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: Buffer.concat(chunks),
    sourceIp: (request.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, ''),
    requestId: randomUUID(),
  };
}

export function sendAnswer(
  response: ServerResponse,
  requestId: string,
  nowMs: number,
  answer: Answer,
): void {
  if (response.destroyed) return;
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': String(Buffer.byteLength(answer.body)),
    'x-amzn-requestid': requestId,
    date: new Date(nowMs).toUTCString(),
  });
  response.end(answer.body);
}

/** A plain JSON answer of the emulator's own endpoints and of the JWKS. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  };
}
