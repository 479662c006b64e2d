/** How the shadow service publishes: through the broker, subject to its faults. */
import type { Broker } from '../broker/broker.ts';
import type { ShadowPublisher } from './service.ts';

/** `broker` is asked for at each use, since broker and shadow service need each other. */
export function shadowPublisher(broker: () => Broker): ShadowPublisher {
  const publish = (topic: string, document: string): void =>
    broker().route({ topic, payload: Buffer.from(document), qos: 1, retain: false });
  return {
    hasSubscribers: (topic) => broker().router.hasSubscribers(topic),
    publish,
    answer(topic, document, clientId, onSent) {
      const { faults, delays } = broker();
      const send = (): void => {
        onSent?.();
        publish(topic, document);
      };
      if (faults.strikes('swallowAccepted', clientId)) return onSent?.();
      const waitMs = faults.wait('delayAcceptedMs', clientId);
      if (waitMs > 0) delays.after(waitMs, send);
      else send();
    },
    charge(publishes) {
      const { rates, now } = broker();
      rates.publishesIn.charge(now(), publishes);
    },
  };
}
