/** HTTPS requests of the data plane: body, signature, answer. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AwsError } from '../http/awsError.ts';
import { HangUp } from '../http/operationFaults.ts';
import type { WireRequest } from '../sigv4/canonical.ts';
import type { Verification } from '../sigv4/verify.ts';
import { failure, type HttpAnswer, namedFailure } from './answer.ts';

/** Larger than any request that AWS accepts. */
const MAX_BODY_BYTES = 256 * 1024;

export interface DataPlaneListenerOptions {
  readonly verify: (request: WireRequest) => Verification;
  readonly answer: (
    request: WireRequest,
    verified: Extract<Verification, { ok: true }>,
    message: IncomingMessage,
  ) => HttpAnswer;
  /** May wait, and throws what a fault answers instead: AwsError, or HangUp. */
  readonly before: (request: WireRequest) => Promise<void>;
  /** Milliseconds that a fault holds the answer back. */
  readonly holdMs: () => number;
}

export async function answerHttps(
  options: DataPlaneListenerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  const holdMs = options.holdMs();
  if (holdMs > 0) await new Promise((resolve) => setTimeout(resolve, holdMs));
  const answer = body === undefined ? tooLarge() : await answerOf(options, request, body);
  if (answer === undefined) {
    request.socket.destroy();
    return;
  }
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': Buffer.byteLength(answer.body),
  });
  response.end(answer.body);
}

/** Undefined where the connection is to be closed without an answer. */
async function answerOf(
  options: DataPlaneListenerOptions,
  message: IncomingMessage,
  body: Buffer,
): Promise<HttpAnswer | undefined> {
  const { method = 'GET', url = '/', rawHeaders } = message;
  const wire: WireRequest = { method, url, rawHeaders, body };
  try {
    await options.before(wire);
  } catch (error) {
    if (error instanceof HangUp) return undefined;
    if (!(error instanceof AwsError)) throw error;
    return namedFailure(error.status, error.name, error.message, randomUUID());
  }
  const verified = options.verify(wire);
  if (!verified.ok) return failure(403, verified.message, randomUUID());
  return options.answer(wire, verified, message);
}

function tooLarge(): HttpAnswer {
  return failure(413, 'The payload exceeds the maximum size allowed', randomUUID());
}

/** Undefined where it is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}
