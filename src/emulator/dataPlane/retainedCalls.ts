/** GetRetainedMessage and ListRetainedMessages. */
import { failure, success } from './answer.ts';
import { type CallRequest, page, pageSize, type Routed } from './call.ts';

export function getRetainedCall(topic: string, { method }: CallRequest): Routed {
  if (method !== 'GET') return 'method-not-allowed';
  return {
    eventType: 'GetRetainedMessage',
    actions: ['iot:GetRetainedMessage'],
    resource: { kind: 'topic', name: topic },
    fault: undefined,
    perform({ core, traceId }) {
      const kept = core.retained.find(topic);
      if (!kept) return failure(404, 'No retained message on this topic', traceId);
      const { message, lastModifiedMs } = kept;
      const { userProperties } = message.properties ?? {};
      const list = Object.entries(userProperties ?? {}).flatMap(([name, value]) =>
        [value].flat().map((one) => ({ [name]: one })),
      );
      return success(
        JSON.stringify({
          topic,
          payload: message.payload.toString('base64'),
          qos: message.qos,
          lastModifiedTime: lastModifiedMs,
          userProperties:
            list.length === 0 ? undefined : Buffer.from(JSON.stringify(list)).toString('base64'),
        }),
      );
    },
  };
}

export function listRetainedCall({ method, query }: CallRequest): Routed {
  if (method !== 'GET') return 'method-not-allowed';
  const size = pageSize(query.get('maxResults'), 25, 200);
  return {
    eventType: 'ListRetainedMessages',
    actions: ['iot:ListRetainedMessages'],
    // This action has no resource type: policies grant it on `*`.
    resource: { kind: 'topic', name: '*' },
    fault: undefined,
    perform({ core }) {
      const all = core.retained.all();
      const shown = page(all, ({ message }) => message.topic, query.get('nextToken'), size);
      const retainedTopics = shown.items.map(({ message, lastModifiedMs }) => ({
        topic: message.topic,
        payloadSize: message.payload.length,
        qos: message.qos,
        lastModifiedTime: lastModifiedMs,
      }));
      return success(JSON.stringify({ retainedTopics, nextToken: shown.nextToken }));
    },
  };
}
