/** Reads the method and URL of a data-plane request (service model `iot-data`). */
import type { QueryPair } from '../sigv4/canonical.ts';
import type { ShadowAddress } from '../shadow/store.ts';

export type DataPlaneCall =
  | { readonly operation: 'GetThingShadow'; readonly address: ShadowAddress }
  | { readonly operation: 'UpdateThingShadow'; readonly address: ShadowAddress }
  | { readonly operation: 'DeleteThingShadow'; readonly address: ShadowAddress }
  | {
      readonly operation: 'ListNamedShadowsForThing';
      readonly thing: string;
      readonly nextToken: string | undefined;
      readonly pageSize: number;
    }
  | {
      readonly operation: 'Publish';
      readonly topic: string;
      readonly qos: 0 | 1;
      readonly retain: boolean;
    };

export type Routed = DataPlaneCall | 'not-found' | 'method-not-allowed';

const SHADOW_OPERATIONS = {
  GET: 'GetThingShadow',
  POST: 'UpdateThingShadow',
  DELETE: 'DeleteThingShadow',
} as const;

const DEFAULT_PAGE_SIZE = 25;
const MAX_PAGE_SIZE = 100;

function decodeSegment(segment: string | undefined): string | undefined {
  if (segment === undefined || segment === '') return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

export function routeDataPlane(method: string, path: string, pairs: readonly QueryPair[]): Routed {
  const query = new Map(pairs);
  const shadow = /^\/things\/([^/]+)\/shadow$/.exec(path);
  if (shadow) return routeShadow(method, decodeSegment(shadow[1]), query);
  const list = /^\/api\/things\/shadow\/ListNamedShadowsForThing\/([^/]+)$/.exec(path);
  if (list) return routeList(method, decodeSegment(list[1]), query);
  const topic = /^\/topics\/(.+)$/.exec(path);
  if (topic) return routePublish(method, decodeSegment(topic[1]), query);
  return 'not-found';
}

function routeShadow(
  method: string,
  thing: string | undefined,
  query: ReadonlyMap<string, string>,
): Routed {
  if (thing === undefined) return 'not-found';
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') return 'method-not-allowed';
  const name = query.get('name');
  const address = name === undefined || name === '' ? { thing } : { thing, shadow: name };
  return { operation: SHADOW_OPERATIONS[method], address };
}

function routeList(
  method: string,
  thing: string | undefined,
  query: ReadonlyMap<string, string>,
): Routed {
  if (thing === undefined) return 'not-found';
  if (method !== 'GET') return 'method-not-allowed';
  const wanted = Number(query.get('pageSize') ?? DEFAULT_PAGE_SIZE);
  const pageSize = Number.isInteger(wanted) && wanted > 0 ? wanted : DEFAULT_PAGE_SIZE;
  return {
    operation: 'ListNamedShadowsForThing',
    thing,
    nextToken: query.get('nextToken'),
    pageSize: Math.min(pageSize, MAX_PAGE_SIZE),
  };
}

function routePublish(
  method: string,
  topic: string | undefined,
  query: ReadonlyMap<string, string>,
): Routed {
  if (topic === undefined) return 'not-found';
  if (method !== 'POST') return 'method-not-allowed';
  return {
    operation: 'Publish',
    topic,
    qos: query.get('qos') === '1' ? 1 : 0,
    retain: query.get('retain') === 'true',
  };
}
