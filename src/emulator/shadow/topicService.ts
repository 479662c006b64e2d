/** Shadow requests over MQTT: from the request topic to the operation and its answer. */
import type { IotLog } from '../contract.ts';
import { logRequest, type ServiceRequest, type TopicService } from '../broker/core.ts';
import { rejectedDocument } from './documents.ts';
import type { ShadowOutcome, ShadowPublisher, ShadowService } from './service.ts';
import { parseShadowTopic, type ShadowOperation, shadowPrefix } from './topics.ts';

const EVENT_TYPES = {
  get: 'GetThingShadow',
  update: 'UpdateThingShadow',
  delete: 'DeleteThingShadow',
} as const satisfies Record<ShadowOperation, string>;

export function shadowTopicService(
  shadows: ShadowService,
  publisher: ShadowPublisher,
  log: IotLog,
  now: () => number,
): TopicService {
  return {
    handlerOf(topic) {
      const parsed = parseShadowTopic(topic);
      if (!parsed) return undefined;
      const { address, operation } = parsed;
      return (request: ServiceRequest): void => {
        const outcome = perform(shadows, operation, address, request);
        const timestamp = Math.floor(now() / 1000);
        const answers = `${shadowPrefix(address)}/${operation}`;
        if (!outcome.ok) {
          const { error, clientToken } = outcome;
          publisher.publish(
            `${answers}/rejected`,
            rejectedDocument(error, { timestamp, clientToken }),
          );
        } else if (operation === 'get') {
          publisher.publish(`${answers}/accepted`, outcome.document);
        }
        logRequest(
          { log },
          request.requester,
          {
            eventType: EVENT_TYPES[operation],
            topicName: topic,
            deviceShadowName: address.shadow ?? address.thing,
            ...(outcome.ok
              ? {}
              : { reason: String(outcome.error.code), details: outcome.error.message }),
          },
          request.traceId,
        );
      };
    },
  };
}

function perform(
  shadows: ShadowService,
  operation: ShadowOperation,
  address: Parameters<ShadowService['get']>[0],
  { payload, requester }: ServiceRequest,
): ShadowOutcome {
  switch (operation) {
    case 'get':
      return shadows.get(address, payload);
    case 'delete':
      return shadows.delete(address, payload);
    case 'update':
      return shadows.update(address, payload, requester);
    default:
      return operation satisfies never;
  }
}
