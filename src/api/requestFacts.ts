import type { OperationTypeNode } from 'graphql';
import type { Caller } from './caller.ts';
import type { StreamFacts } from './events/eventStreamResponse.ts';
import type { RequestOrigin } from './requestOrigin.ts';

/** How a request ended, for metrics: a closed set, without anything of the caller's. */
export const REQUEST_OUTCOMES = [
  'ok',
  'refused',
  'client_error',
  'unauthenticated',
  'forbidden',
  'rate_limited',
  'unavailable',
  'server_error',
] as const;
export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

/** What is learned of a request on its way; made when it arrives, counted when it is answered. */
export interface RequestFacts {
  readonly startedAt: number;
  operation: OperationTypeNode | 'none';
  outcome: RequestOutcome;
  /** What the operation costs, in points, as soon as that is known. */
  cost?: number;
  /** Whether there is an answer: what still works for it then works for nobody. */
  answered?: boolean;
  /** Ends that work, where there is any that can be ended. */
  endWork?: () => void;
}

export function newRequestFacts(): RequestFacts {
  return { startedAt: performance.now(), operation: 'none', outcome: 'ok' };
}

/** Yoga's server context: what plugins put beside the request. */
export interface ServerContext {
  facts?: RequestFacts;
  origin?: RequestOrigin;
  stream?: StreamFacts;
  /** Who sent the request; there from the moment that a token was found good. */
  caller?: Caller;
}
