import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { ServerContext } from './requestFacts.ts';

/** Where a request comes from, as the audit has it. */
export interface RequestOrigin {
  /** The address of the caller; absent where the request came over no socket. */
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
  /** Names the request in the audit and in the answer's header. */
  readonly requestId: string;
}

const REQUEST_ID = /^[\w.:-]{8,64}$/;
const MAX_USER_AGENT = 200;
export const REQUEST_ID_HEADER = 'x-request-id';

/** With the request id that a proxy gave, or a new one. */
export function originOf(
  { headers }: Request,
  serverContext: ServerContext,
  trustedHops: number,
): RequestOrigin {
  const given = headers.get(REQUEST_ID_HEADER) ?? '';
  return {
    address: callerAddress(
      remoteAddress(serverContext),
      headers.get('x-forwarded-for'),
      trustedHops,
    ),
    userAgent: headers.get('user-agent')?.slice(0, MAX_USER_AGENT),
    requestId: REQUEST_ID.test(given) ? given : randomUUID(),
  };
}

/**
 * The caller's address: of whoever connected, or, behind proxies, what the last of them that we
 * trust saw. Each adds the address it was called from at the right; what stands left of that is
 * the caller's own word.
 */
export function callerAddress(
  connected: string | undefined,
  forwardedFor: string | null,
  trustedHops: number,
): string | undefined {
  // An IPv4 client of a socket that speaks both looks like ::ffff:192.0.2.1.
  const nearest = connected?.replace(/^::ffff:/, '');
  if (trustedHops === 0) return nearest;
  const seen = (forwardedFor ?? '').split(',').map((address) => address.trim());
  const address = seen.at(-trustedHops);
  return address !== undefined && isIP(address) !== 0 ? address : nearest;
}

function remoteAddress(context: ServerContext & { readonly req?: IncomingMessage }) {
  return context.req?.socket.remoteAddress;
}
