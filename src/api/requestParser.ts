import { GraphQLError } from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import type { TopLevelCode } from './topLevelCodes.ts';

/** Far beyond any document that a shadow takes, and far from what a call stack holds. */
const MAX_NESTING = 64;
const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;
const DECODER = new TextDecoder('utf-8', { fatal: true });

/**
 * Takes one JSON operation by POST and nothing else: no GET, forms or uploads, which browsers send
 * across sites without asking, and no batches, which would get around the limits of one. No
 * message repeats what was sent, since it may hold a password.
 */
export function useStrictRequests(maxBodyBytes: number): Plugin {
  return {
    onRequestParse({ request, setRequestParser }) {
      if (request.method !== 'POST') {
        throw badRequest(405, 'METHOD_NOT_ALLOWED', 'Send operations with POST.', {
          allow: 'POST',
        });
      }
      const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
      if (type !== 'application/json') {
        throw badRequest(
          415,
          'UNSUPPORTED_MEDIA_TYPE',
          'Send operations as JSON, with the header "Content-Type: application/json".',
        );
      }
      setRequestParser(async (posted) => parseOperation(await readBody(posted, maxBodyBytes)));
    },
  };
}

function parseOperation(text: string): GraphQLParams {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw badRequest(400, 'BAD_REQUEST', 'The body is not valid JSON.');
  }
  if (Array.isArray(body)) {
    throw badRequest(400, 'BAD_REQUEST', 'Send one operation at a time, not a list of them.');
  }
  if (typeof body !== 'object' || body === null) {
    throw badRequest(400, 'BAD_REQUEST', 'The body must be an object: {"query": "…"}.');
  }
  if (opens(text, MAX_NESTING) && nestsDeeper(body, MAX_NESTING)) {
    throw badRequest(400, 'BAD_REQUEST', `The body nests deeper than ${MAX_NESTING} levels.`);
  }
  return body;
}

async function readBody(request: Request, maxBytes: number): Promise<string> {
  // Node's parser holds a body to its declared length, so only undeclared ones need counting.
  const declared = request.headers.get('content-length');
  if (declared !== null && Number(declared) > maxBytes) throw tooLarge(maxBytes);
  const bytes = declared === null ? await collect(request, maxBytes) : await request.arrayBuffer();
  try {
    return DECODER.decode(bytes);
  } catch {
    const encoding = request.headers.get('content-encoding');
    if (encoding === null || encoding === 'identity') {
      throw badRequest(400, 'BAD_REQUEST', 'The body is not valid UTF-8.');
    }
    throw badRequest(
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      'Send the body as it is: none with a Content-Encoding is taken.',
    );
  }
}

async function collect(request: Request, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Whether the text has brackets for more than `limit` levels, as hardly any has. */
function opens(text: string, limit: number): boolean {
  let brackets = 0;
  for (let at = 0; at < text.length && brackets <= limit; at += 1) {
    const one = text.charCodeAt(at);
    if (one === OPENING_BRACE || one === OPENING_BRACKET) brackets += 1;
  }
  return brackets > limit;
}

/** Without recursion: the point is to find out before anything recursive looks at it. */
function nestsDeeper(value: object, limit: number): boolean {
  let level: object[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap((node) =>
      Object.values(node).filter((child): child is object => typeof child === 'object' && !!child),
    );
  }
  return false;
}

function tooLarge(maxBytes: number): GraphQLError {
  return badRequest(
    413,
    'BODY_TOO_LARGE',
    `The body is larger than ${maxBytes} bytes: send fewer updates at once.`,
  );
}

function badRequest(
  status: number,
  code: TopLevelCode,
  message: string,
  headers: Record<string, string> = {},
): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { status, headers } } });
}
