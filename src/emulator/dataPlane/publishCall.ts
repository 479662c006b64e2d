/** Publish: a message by HTTPS, with the properties of MQTT 5 in query and headers. */
import { logRequest } from '../broker/core.ts';
import type { ForwardedProperties, Message } from '../broker/encoding.ts';
import { MAX_MESSAGE_EXPIRY_S, MAX_PAYLOAD_BYTES } from '../broker/limits.ts';
import { isServiceTopic, isValidTopic } from '../broker/topics.ts';
import { failure, type HttpAnswer, success } from './answer.ts';
import type { CallContext, CallRequest, Routed } from './call.ts';

type UserProperties = Record<string, string | string[]>;

export function publishCall(topic: string, request: CallRequest): Routed {
  if (request.method !== 'POST') return 'method-not-allowed';
  const retain = request.query.get('retain') === 'true';
  const properties = propertiesOf(request);
  return {
    eventType: 'Publish-In',
    actions: retain ? ['iot:Publish', 'iot:RetainPublish'] : ['iot:Publish'],
    resource: { kind: 'topic', name: topic },
    topicName: topic,
    fault: faultOf(topic, retain, request.body, properties),
    perform: (context) => publish(context, topic, retain, request, properties ?? {}),
  };
}

function faultOf(
  topic: string,
  retain: boolean,
  body: Buffer,
  properties: ForwardedProperties | undefined,
): string | undefined {
  if (!isValidTopic(topic)) return 'Topic is not valid';
  if (isServiceTopic(topic)) return 'Only AWS IoT publishes on this topic';
  if (retain && topic.startsWith('$')) return 'Retain is not allowed on reserved topics';
  if (body.length > MAX_PAYLOAD_BYTES) return 'Payload is too large';
  if (!properties) return 'User properties, correlation data or message expiry are not valid';
  const { responseTopic } = properties;
  return responseTopic === undefined || isValidTopic(responseTopic)
    ? undefined
    : 'Response topic is not valid';
}

/** Undefined where one of them cannot be read. */
function propertiesOf({ query, header }: CallRequest): ForwardedProperties | undefined {
  const contentType = query.get('contentType');
  const responseTopic = query.get('responseTopic');
  const correlation = header('x-amz-mqtt5-correlation-data');
  const format = header('x-amz-mqtt5-payload-format-indicator');
  const given = header('x-amz-mqtt5-user-properties');
  const expiry = query.get('messageExpiry');
  const userProperties = given === undefined ? undefined : readUserProperties(given);
  const expiryS = Number(expiry ?? 0);
  if (given !== undefined && !userProperties) return undefined;
  if (!(Number.isInteger(expiryS) && expiryS >= 0 && expiryS <= MAX_MESSAGE_EXPIRY_S)) {
    return undefined;
  }
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation, 'base64') }),
    ...(format === undefined ? {} : { payloadFormatIndicator: format === 'UTF8_DATA' }),
    ...(userProperties ? { userProperties } : {}),
    ...(expiry === undefined ? {} : { messageExpiryInterval: expiryS }),
  };
}

/** Base64 of a JSON list of objects with one name and value each. */
function readUserProperties(text: string): UserProperties | undefined {
  const found: Map<string, string[]> = new Map();
  try {
    const list: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    if (!Array.isArray(list)) return undefined;
    for (const item of list as unknown[]) {
      for (const [name, value] of Object.entries(Object(item) as object)) {
        if (typeof value !== 'string') return undefined;
        found.set(name, [...(found.get(name) ?? []), value]);
      }
    }
  } catch {
    return undefined;
  }
  return Object.fromEntries(found);
}

function publish(
  { core, requester, body, traceId }: CallContext,
  topic: string,
  retain: boolean,
  { query }: CallRequest,
  properties: ForwardedProperties,
): HttpAnswer {
  const nowMs = core.now();
  if (!core.rates.publishesIn.take(nowMs)) return failure(429, 'Rate exceeded', traceId);
  const { messageExpiryInterval } = properties;
  const message: Message = {
    topic,
    payload: body,
    qos: query.get('qos') === '1' ? 1 : 0,
    retain,
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    ...(messageExpiryInterval === undefined
      ? {}
      : { expiresAtMs: nowMs + messageExpiryInterval * 1000 }),
  };
  logRequest(core, requester, { eventType: 'Publish-In', topicName: topic }, traceId);
  if (retain && core.rates.retainedPublishes.take(nowMs)) core.retained.store(message, nowMs);
  core.route(message);
  core.service.handlerOf(topic)?.({ topic, payload: body, requester, traceId });
  return success(JSON.stringify({ message: 'OK', traceId }));
}
