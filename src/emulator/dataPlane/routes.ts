/** From method and path to the call (service model `iot-data`). */
import type { CallRequest, Routed } from './call.ts';
import { connectionCall, listSubscriptionsCall } from './connectionCalls.ts';
import { publishCall } from './publishCall.ts';
import { getRetainedCall, listRetainedCall } from './retainedCalls.ts';
import { listNamedShadowsCall, shadowCall } from './shadowCalls.ts';

type Route = readonly [RegExp, (parameter: string, request: CallRequest) => Routed];

const ROUTES: readonly Route[] = [
  [/^\/things\/([^/]+)\/shadow$/, shadowCall],
  [/^\/api\/things\/shadow\/ListNamedShadowsForThing\/([^/]+)$/, listNamedShadowsCall],
  [/^\/topics\/(.+)$/, publishCall],
  [/^\/retainedMessage()$/, (_none, request) => listRetainedCall(request)],
  [/^\/retainedMessage\/(.+)$/, getRetainedCall],
  [/^\/connections\/([^/]+)\/subscriptions$/, listSubscriptionsCall],
  [/^\/connections\/([^/]+)$/, connectionCall],
];

export function routeDataPlane(path: string, request: CallRequest): Routed {
  for (const [pattern, make] of ROUTES) {
    const match = pattern.exec(path);
    if (!match) continue;
    const parameter = decodeParameter(match[1] ?? '');
    return parameter === undefined ? 'not-found' : make(parameter, request);
  }
  return 'not-found';
}

function decodeParameter(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
