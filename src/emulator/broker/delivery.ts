/** From a message to its subscribers: who gets it, what is dropped on the way. */
import type { Agreement, Connection } from './connection.ts';
import { AUTHORIZATION_FAILURE, type BrokerCore, logRequest } from './core.ts';
import { type Delivery, encodePublish, type Message } from './encoding.ts';
import type { SubscriptionOptions } from './router.ts';
import type { Session } from './session.ts';

/** Hands a message to everyone who subscribes to its topic. */
export function routeMessage(core: BrokerCore, message: Message, publisher?: Session): void {
  core.router.match(message.topic, (subscriber, options) => {
    if (typeof subscriber === 'function') return subscriber(message);
    if (!options.noLocal || subscriber !== publisher) {
      handOver(core, subscriber, message, options);
    }
  });
}

function handOver(
  core: BrokerCore,
  session: Session,
  message: Message,
  options: SubscriptionOptions,
): void {
  const nowMs = core.now();
  const qos = message.qos === 1 && options.qos === 1 ? 1 : 0;
  const delivery = { message, qos, retain: options.retainAsPublished && message.retain } as const;
  if (session.connected) {
    // Beyond the account's rate a message is dropped without a word, as on AWS.
    if (!core.rates.publishesOut.take(nowMs)) {
      core.counters.publishesDiscarded += 1;
      return;
    }
    session.deliver(delivery);
    if (core.faults.strikes('duplicateDelivery', session.clientId)) session.deliver(delivery);
  } else if (qos === 1 && core.rates.queued.take(nowMs)) {
    session.store(delivery);
  }
}

/** Receive permission, the client's packet size and the rate of the connection. */
export function mayDeliver(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  delivery: Delivery,
): boolean {
  const { permissions, maximumPacketSize, publishRate } = agreement;
  const { topic } = delivery.message;
  if (!permissions.decide('iot:Receive', 'topic', topic).allowed) {
    // Nobody is told but the log (aws-facts 3.3).
    const detail = { eventType: 'Publish-Out', topicName: topic, ...AUTHORIZATION_FAILURE };
    logRequest(core, connection, detail);
    return false;
  }
  const nowMs = core.now();
  if (maximumPacketSize !== Number.POSITIVE_INFINITY) {
    const bytes = encodePublish(delivery, connection.version, 1, nowMs).length;
    if (bytes > maximumPacketSize) return false;
  }
  // The 100 a second of a connection count both directions; the excess is discarded.
  if (!publishRate.take(nowMs)) {
    core.counters.publishesDiscarded += 1;
    return false;
  }
  core.counters.publishesOut += 1;
  return true;
}
