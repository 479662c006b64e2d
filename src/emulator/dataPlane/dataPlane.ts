/** The IoT data plane over HTTPS: signature, both policies, then the operation. */
import { randomUUID } from 'node:crypto';
import {
  AUTHORIZATION_FAILURE,
  type BrokerCore,
  logRequest,
  type Origin,
  type Requester,
} from '../broker/core.ts';
import { MAX_PAYLOAD_BYTES } from '../broker/limits.ts';
import { Permissions, type ResourceKind } from '../broker/permissions.ts';
import { isValidTopic } from '../broker/topics.ts';
import type { IotAction } from '../contract.ts';
import type { ShadowOutcome, ShadowService } from '../shadow/service.ts';
import { SHADOW_NAME, THING_NAME } from '../shadow/topics.ts';
import { splitUrl, type WireRequest } from '../sigv4/canonical.ts';
import { failure, type HttpAnswer, success } from './answer.ts';
import { type DataPlaneCall, routeDataPlane } from './routes.ts';

export interface DataPlaneDeps {
  readonly core: BrokerCore;
  readonly shadows: ShadowService;
}

/** Answers one request whose signature was verified to be `origin`'s. */
export function answerDataPlane(
  { core, shadows }: DataPlaneDeps,
  request: WireRequest,
  origin: Origin,
): HttpAnswer {
  const traceId = randomUUID();
  const url = splitUrl(request.url);
  if (!url) return failure(400, 'The request URL cannot be decoded', traceId);
  const call = routeDataPlane(request.method, url.path, url.query);
  if (call === 'not-found') return failure(404, 'Not found', traceId);
  if (call === 'method-not-allowed') return failure(405, 'Method not allowed', traceId);
  const fault = faultOf(call, request.body);
  if (fault !== undefined) return failure(400, fault, traceId);
  const requester: Requester = { clientId: '', protocol: 'HTTP', origin };
  if (!mayCall(core, origin, call)) {
    const topicName = call.operation === 'Publish' ? { topicName: call.topic } : {};
    const detail = { eventType: eventType(call), ...topicName, ...AUTHORIZATION_FAILURE };
    logRequest(core, requester, detail, traceId);
    return failure(403, 'Forbidden', traceId);
  }
  return perform(core, shadows, call, request.body, requester, traceId);
}

function eventType(call: DataPlaneCall): string {
  return call.operation === 'Publish' ? 'Publish-In' : call.operation;
}

function faultOf(call: DataPlaneCall, body: Buffer): string | undefined {
  if (call.operation === 'Publish') {
    if (!isValidTopic(call.topic)) return 'Topic is not valid';
    if (call.retain && call.topic.startsWith('$')) return 'Retain is not allowed on this topic';
    return body.length > MAX_PAYLOAD_BYTES ? 'Payload is too large' : undefined;
  }
  const address = 'address' in call ? call.address : { thing: call.thing };
  if (!THING_NAME.test(address.thing)) return 'Thing name is not valid';
  const { shadow } = address as { shadow?: string };
  return shadow === undefined || SHADOW_NAME.test(shadow) ? undefined : 'Shadow name is not valid';
}

/** The resource of each action, as the IoT authorization reference names it. */
function resourceOf(call: DataPlaneCall): { kind: ResourceKind; name: string } {
  switch (call.operation) {
    case 'Publish':
      return { kind: 'topic', name: call.topic };
    case 'ListNamedShadowsForThing':
      return { kind: 'thing', name: call.thing };
    case 'GetThingShadow':
    case 'UpdateThingShadow':
    case 'DeleteThingShadow': {
      const { thing, shadow } = call.address;
      return { kind: 'thing', name: shadow === undefined ? thing : `${thing}/${shadow}` };
    }
    default:
      return call satisfies never;
  }
}

function mayCall(core: BrokerCore, origin: Origin, call: DataPlaneCall): boolean {
  const permissions = new Permissions(core.authorizer, core.account, origin.principal, {
    'aws:SourceIp': origin.sourceIp,
    'aws:SecureTransport': 'true',
    ...(origin.principal
      ? { 'cognito-identity.amazonaws.com:sub': origin.principal.identityId }
      : {}),
  });
  const { kind, name } = resourceOf(call);
  const action: IotAction = `iot:${call.operation}`;
  if (!permissions.decide(action, kind, name).allowed) return false;
  const retained = call.operation === 'Publish' && call.retain;
  return !retained || permissions.decide('iot:RetainPublish', kind, name).allowed;
}

function perform(
  core: BrokerCore,
  shadows: ShadowService,
  call: DataPlaneCall,
  body: Buffer,
  requester: Requester,
  traceId: string,
): HttpAnswer {
  if (call.operation === 'Publish') {
    logRequest(core, requester, { eventType: 'Publish-In', topicName: call.topic }, traceId);
    core.route({ topic: call.topic, payload: body, qos: call.qos, retain: call.retain });
    core.service.handlerOf(call.topic)?.({ topic: call.topic, payload: body, requester, traceId });
    return success(JSON.stringify({ message: 'OK', traceId }));
  }
  if (call.operation === 'ListNamedShadowsForThing') {
    return success(listNames(shadows, call, core.now()));
  }
  const outcome = performOnShadow(shadows, call, body);
  const { thing, shadow } = call.address;
  const failed = outcome.ok
    ? {}
    : { reason: String(outcome.error.code), details: outcome.error.message };
  const detail = { eventType: call.operation, deviceShadowName: shadow ?? thing, ...failed };
  logRequest(core, requester, detail, traceId);
  if (outcome.ok) return success(outcome.document);
  return failure(outcome.error.code, outcome.error.message, traceId);
}

function performOnShadow(
  shadows: ShadowService,
  call: Extract<DataPlaneCall, { address: unknown }>,
  body: Buffer,
): ShadowOutcome {
  switch (call.operation) {
    case 'GetThingShadow':
      return shadows.get(call.address, Buffer.alloc(0));
    case 'UpdateThingShadow':
      return shadows.update(call.address, body, { clientId: '' });
    case 'DeleteThingShadow':
      return shadows.delete(call.address, Buffer.alloc(0), { clientId: '' });
    default:
      return call satisfies never;
  }
}

/** A page of names; the token is the last name of the page before. */
function listNames(
  shadows: ShadowService,
  call: Extract<DataPlaneCall, { operation: 'ListNamedShadowsForThing' }>,
  nowMs: number,
): string {
  const { nextToken } = call;
  const names = shadows.store
    .names(call.thing)
    .filter((name) => nextToken === undefined || name > nextToken);
  const results = names.slice(0, call.pageSize);
  return JSON.stringify({
    results,
    timestamp: Math.floor(nowMs / 1000),
    nextToken: names.length > results.length ? results.at(-1) : undefined,
  });
}
