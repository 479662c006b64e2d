/** The IoT data plane over HTTPS: signature, both policies, then the operation. */
import { randomUUID } from 'node:crypto';
import {
  AUTHORIZATION_FAILURE,
  type BrokerCore,
  logRequest,
  type Origin,
  type Requester,
} from '../broker/core.ts';
import { Permissions } from '../broker/permissions.ts';
import type { ShadowService } from '../shadow/service.ts';
import { headerValue, splitUrl, type WireRequest } from '../sigv4/canonical.ts';
import { failure, type HttpAnswer } from './answer.ts';
import { type DataPlaneCall, queryMap } from './call.ts';
import { routeDataPlane } from './routes.ts';

export interface DataPlaneDeps {
  readonly core: BrokerCore;
  readonly shadows: ShadowService;
}

/** Answers one request whose signature was verified to be `origin`'s. */
export function answerDataPlane(
  { core, shadows }: DataPlaneDeps,
  { method, url, rawHeaders, body }: WireRequest,
  origin: Origin,
): HttpAnswer {
  const traceId = randomUUID();
  const parts = splitUrl(url);
  if (!parts) return failure(400, 'The request URL cannot be decoded', traceId);
  const header = (name: string): string | undefined => headerValue(rawHeaders, name);
  const call = routeDataPlane(parts.path, { method, query: queryMap(parts.query), header, body });
  if (call === 'not-found') return failure(404, 'Not found', traceId);
  if (call === 'method-not-allowed') return failure(405, 'Method not allowed', traceId);
  if (call.fault !== undefined) return failure(400, call.fault, traceId);
  const requester: Requester = { clientId: '', protocol: 'HTTP', origin };
  if (!mayCall(core, origin, call)) {
    const { eventType, topicName } = call;
    const topic = topicName === undefined ? {} : { topicName };
    logRequest(core, requester, { eventType, ...topic, ...AUTHORIZATION_FAILURE }, traceId);
    return failure(403, 'Forbidden', traceId);
  }
  return call.perform({ core, shadows, requester, body, traceId });
}

function mayCall(core: BrokerCore, origin: Origin, { actions, resource }: DataPlaneCall): boolean {
  const permissions = new Permissions(core.authorizer, core.account, origin.principal, {
    'aws:SourceIp': origin.sourceIp,
    'aws:SecureTransport': 'true',
    ...(origin.principal
      ? { 'cognito-identity.amazonaws.com:sub': origin.principal.identityId }
      : {}),
  });
  return actions.every(
    (action) => permissions.decide(action, resource.kind, resource.name).allowed,
  );
}
