/** GetThingShadow, UpdateThingShadow, DeleteThingShadow, ListNamedShadowsForThing. */
import { logRequest } from '../broker/core.ts';
import type { ShadowOutcome } from '../shadow/service.ts';
import type { ShadowAddress } from '../shadow/store.ts';
import { SHADOW_NAME, THING_NAME } from '../shadow/topics.ts';
import { failure, type HttpAnswer, success } from './answer.ts';
import { type CallContext, type CallRequest, page, pageSize, type Routed } from './call.ts';

const OPERATIONS = {
  GET: 'GetThingShadow',
  POST: 'UpdateThingShadow',
  DELETE: 'DeleteThingShadow',
} as const;

type Operation = (typeof OPERATIONS)[keyof typeof OPERATIONS];

export function shadowCall(thing: string, { method, query }: CallRequest): Routed {
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') return 'method-not-allowed';
  const shadow = query.get('name') ?? '';
  const address: ShadowAddress = shadow === '' ? { thing } : { thing, shadow };
  const operation = OPERATIONS[method];
  return {
    eventType: operation,
    actions: [`iot:${operation}`],
    // The shadow's name is part of the resource (service authorization reference of AWS IoT).
    resource: { kind: 'thing', name: shadow === '' ? thing : `${thing}/${shadow}` },
    fault: faultOf(address),
    perform: (context) => performOnShadow(context, operation, address),
  };
}

export function listNamedShadowsCall(thing: string, { method, query }: CallRequest): Routed {
  if (method !== 'GET') return 'method-not-allowed';
  const size = pageSize(query.get('pageSize'), 25, 100);
  return {
    eventType: 'ListNamedShadowsForThing',
    actions: ['iot:ListNamedShadowsForThing'],
    resource: { kind: 'thing', name: thing },
    fault: faultOf({ thing }),
    perform({ core, shadows }) {
      const names = shadows.store.names(thing);
      const { items, nextToken } = page(names, (name) => name, query.get('nextToken'), size);
      const timestamp = Math.floor(core.now() / 1000);
      return success(JSON.stringify({ results: items, timestamp, nextToken }));
    },
  };
}

function faultOf({ thing, shadow }: ShadowAddress): string | undefined {
  if (!THING_NAME.test(thing)) return 'Thing name is not valid';
  return shadow === undefined || SHADOW_NAME.test(shadow) ? undefined : 'Shadow name is not valid';
}

function performOnShadow(
  context: CallContext,
  operation: Operation,
  address: ShadowAddress,
): HttpAnswer {
  const { core, requester, traceId } = context;
  const outcome = call(context, operation, address);
  const failed = outcome.ok
    ? {}
    : { reason: String(outcome.error.code), details: outcome.error.message };
  const deviceShadowName = address.shadow ?? address.thing;
  logRequest(core, requester, { eventType: operation, deviceShadowName, ...failed }, traceId);
  if (outcome.ok) return success(outcome.document);
  return failure(outcome.error.code, outcome.error.message, traceId);
}

function call(
  { shadows, body, requester }: CallContext,
  operation: Operation,
  address: ShadowAddress,
): ShadowOutcome {
  const client = { clientId: requester.clientId };
  switch (operation) {
    case 'GetThingShadow':
      return shadows.get(address, Buffer.alloc(0));
    case 'UpdateThingShadow':
      return shadows.update(address, body, client);
    case 'DeleteThingShadow':
      return shadows.delete(address, Buffer.alloc(0), client);
    default:
      return operation satisfies never;
  }
}
