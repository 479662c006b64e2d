/** What every operation of the data plane has in common. */
import type { BrokerCore, Requester } from '../broker/core.ts';
import type { ResourceKind } from '../broker/permissions.ts';
import type { IotAction } from '../contract.ts';
import type { ShadowService } from '../shadow/service.ts';
import type { QueryPair } from '../sigv4/canonical.ts';
import type { HttpAnswer } from './answer.ts';

export interface CallContext {
  readonly core: BrokerCore;
  readonly shadows: ShadowService;
  readonly requester: Requester;
  readonly body: Buffer;
  readonly traceId: string;
}

export interface Resource {
  readonly kind: ResourceKind;
  readonly name: string;
}

/** A request that has been read: what it needs, what is wrong with it, what it does. */
export interface DataPlaneCall {
  /** As the log names it. */
  readonly eventType: string;
  /** All of them must be allowed on the resource. */
  readonly actions: readonly IotAction[];
  readonly resource: Resource;
  /** For the log of a denial. */
  readonly topicName?: string;
  /** A sentence for the InvalidRequestException; undefined where nothing is wrong. */
  readonly fault: string | undefined;
  perform(context: CallContext): HttpAnswer;
}

/** A request as the operations see it. */
export interface CallRequest {
  readonly method: string;
  readonly query: ReadonlyMap<string, string>;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

export type Routed = DataPlaneCall | 'not-found' | 'method-not-allowed';

export function queryMap(pairs: readonly QueryPair[]): ReadonlyMap<string, string> {
  return new Map(pairs);
}

/** Page size from the query, at least 1; AWS's own default and maximum where it is not usable. */
export function pageSize(text: string | undefined, usual: number, most: number): number {
  const wanted = Number(text ?? usual);
  return Number.isInteger(wanted) && wanted > 0 ? Math.min(wanted, most) : usual;
}

/** A page of a sorted list; the token is the key of the last item of the page before. */
export function page<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  after: string | undefined,
  size: number,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const rest = after === undefined ? items : items.filter((item) => keyOf(item) > after);
  const shown = rest.slice(0, size);
  const last = shown.at(-1);
  const more = rest.length > shown.length && last !== undefined;
  return { items: shown, nextToken: more ? keyOf(last) : undefined };
}
