/** A client inside the emulator, for simulated devices. */
import { randomUUID } from 'node:crypto';
import type { Broker } from './broker/broker.ts';
import type { Requester } from './broker/core.ts';
import { parseFilter } from './broker/topics.ts';
import type { LocalClient } from './contract.ts';
import type { Message } from './broker/encoding.ts';

export function createLocalClient(broker: Broker, clientId: string): LocalClient {
  const requester: Requester = {
    clientId,
    sessionIdentifier: randomUUID(),
    protocol: 'MQTT',
    origin: { principalId: 'EMULATOR', sourceIp: '127.0.0.1', sourcePort: 0, host: '' },
  };
  return {
    subscribe(filter, handler) {
      const parsed = parseFilter(filter);
      if (!parsed) throw new RangeError(`${filter} is not a topic filter`);
      // Its own function, so that two subscriptions of one handler end separately.
      const subscriber = ({ topic, payload }: Message): void => handler(topic, payload);
      const options = { qos: 0, noLocal: false, retainAsPublished: false } as const;
      broker.router.add(subscriber, parsed, options);
      return () => {
        broker.router.remove(subscriber, parsed);
      };
    },
    publish(topic, payload) {
      broker.route({ topic, payload, qos: 1, retain: false });
      broker.service.handlerOf(topic)?.({ topic, payload, requester, traceId: randomUUID() });
    },
  };
}
