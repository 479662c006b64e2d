/** Shadow requests over MQTT: from the request topic to the operation and its answer. */
import { logRequest, type ServiceRequest, type TopicService } from '../broker/core.ts';
import type { IotLog } from '../contract.ts';
import { rejectedDocument } from './documents.ts';
import { SHADOW_ERRORS } from './errors.ts';
import type { ShadowClient, ShadowOutcome, ShadowPublisher, ShadowService } from './service.ts';
import type { ShadowAddress } from './store.ts';
import { parseShadowTopic, type ShadowOperation, shadowPrefix } from './topics.ts';

/** Unanswered requests per thing on one connection (aws-facts 1.3). */
const MAX_IN_FLIGHT = 10;
/** Request topics whose parsed form is kept. */
const REMEMBERED_TOPICS = 10_000;

const EVENT_TYPES = {
  get: 'GetThingShadow',
  update: 'UpdateThingShadow',
  delete: 'DeleteThingShadow',
} as const satisfies Record<ShadowOperation, string>;

export interface ShadowTopicsOptions {
  readonly shadows: ShadowService;
  readonly publisher: ShadowPublisher;
  readonly log: IotLog;
  readonly now: () => number;
  /** Whether more than ten unanswered requests are refused. */
  readonly limited: boolean;
}

type Handler = (request: ServiceRequest) => void;

export function shadowTopicService(options: ShadowTopicsOptions): TopicService {
  const remembered = new Map<string, Handler>();
  return {
    handlerOf(topic) {
      const known = remembered.get(topic);
      if (known) return known;
      const parsed = parseShadowTopic(topic);
      if (!parsed) return undefined;
      const handler: Handler = (request) =>
        handle(options, parsed.operation, parsed.address, request);
      if (remembered.size >= REMEMBERED_TOPICS) remembered.clear();
      remembered.set(topic, handler);
      return handler;
    },
  };
}

function handle(
  options: ShadowTopicsOptions,
  operation: ShadowOperation,
  address: ShadowAddress,
  request: ServiceRequest,
): void {
  const { requester, topic, traceId } = request;
  const outcome = perform(options, operation, address, request);
  const failed = outcome.ok
    ? {}
    : { reason: String(outcome.error.code), details: outcome.error.message };
  const deviceShadowName = address.shadow ?? address.thing;
  const eventType = EVENT_TYPES[operation];
  const detail = { eventType, topicName: topic, deviceShadowName, ...failed };
  logRequest(options, requester, detail, traceId);
}

function perform(
  { shadows, publisher, now, limited }: ShadowTopicsOptions,
  operation: ShadowOperation,
  address: ShadowAddress,
  { payload, requester }: ServiceRequest,
): ShadowOutcome {
  const open = requester.shadowRequests;
  const unanswered = open?.get(address.thing) ?? 0;
  const onAnswered = (): void => {
    const left = (open?.get(address.thing) ?? 1) - 1;
    if (left > 0) open?.set(address.thing, left);
    else open?.delete(address.thing);
  };
  const full = limited && unanswered >= MAX_IN_FLIGHT;
  open?.set(address.thing, unanswered + 1);
  const { clientId, sessionIdentifier } = requester;
  const client: ShadowClient = {
    clientId,
    onAnswered,
    ...(sessionIdentifier === undefined ? {} : { sessionIdentifier }),
  };
  const outcome: ShadowOutcome = full
    ? { ok: false, error: SHADOW_ERRORS.tooManyRequests }
    : call(shadows, operation, address, payload, client);
  const answers = `${shadowPrefix(address)}/${operation}`;
  if (!outcome.ok) {
    const stamp = { timestamp: Math.floor(now() / 1000), clientToken: outcome.clientToken };
    const document = rejectedDocument(outcome.error, stamp);
    publisher.answer(`${answers}/rejected`, document, clientId, onAnswered);
  } else if (operation === 'get') {
    publisher.answer(`${answers}/accepted`, outcome.document, clientId, onAnswered);
  }
  return outcome;
}

function call(
  shadows: ShadowService,
  operation: ShadowOperation,
  address: ShadowAddress,
  payload: Buffer,
  client: ShadowClient,
): ShadowOutcome {
  switch (operation) {
    case 'get':
      return shadows.get(address, payload);
    case 'delete':
      return shadows.delete(address, payload, client);
    case 'update':
      return shadows.update(address, payload, client);
    default:
      return operation satisfies never;
  }
}
