/** SUBSCRIBE and UNSUBSCRIBE. */
import { randomUUID } from 'node:crypto';
import type { ISubscribePacket, ISubscription, IUnsubscribePacket } from 'mqtt-packet';
import type { Agreement, Connection } from './connection.ts';
import { AUTHORIZATION_FAILURE, type BrokerCore, logRequest } from './core.ts';
import { MAX_FILTERS_PER_SUBSCRIBE } from './limits.ts';
import { NOT_AUTHORIZED_TEXT, REASON, reasonString } from './reasons.ts';
import { parseFilter } from './topics.ts';

export function handleSubscribe(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  packet: ISubscribePacket,
): void {
  const traceId = randomUUID();
  if (packet.properties?.subscriptionIdentifier !== undefined) {
    connection.end(
      { disconnectReason: 'CLIENT_ERROR', clientInitiated: false },
      REASON.subscriptionIdsNotSupported,
      'Subscription Id is not supported now',
      traceId,
    );
    return;
  }
  const { subscriptions } = packet;
  if (subscriptions.length === 0) return connection.protocolError('SUBSCRIBE without a filter');
  const tooMany = subscriptions.length > MAX_FILTERS_PER_SUBSCRIBE;
  const codes = subscriptions.map((wanted) =>
    tooMany ? REASON.quotaExceeded : grant(core, agreement, wanted),
  );
  const outcome = subscriptions.map(({ topic }, at) => ({
    topicName: topic,
    reasonCode: codes[at] ?? REASON.unspecified,
  }));
  const denied = codes.includes(REASON.notAuthorized);
  const refused = codes.some((code) => code >= 0x80);
  logRequest(
    core,
    connection,
    {
      eventType: 'Subscribe',
      topicName: subscriptions.map(({ topic }) => topic).join(','),
      subscriptions: outcome,
      ...(denied ? AUTHORIZATION_FAILURE : {}),
    },
    traceId,
  );
  if (refused && connection.version !== 5) {
    // MQTT 3.1.1 gets no SUBACK: the connection is closed (aws-facts 3.3).
    connection.end({
      disconnectReason: denied ? 'FORBIDDEN_ACCESS' : 'CLIENT_ERROR',
      clientInitiated: false,
    });
    return;
  }
  const text = denied ? NOT_AUTHORIZED_TEXT : 'Subscription is not accepted';
  connection.send({
    cmd: 'suback',
    messageId: packet.messageId ?? 0,
    granted: codes,
    ...(refused && agreement.reasonStrings
      ? { properties: { reasonString: reasonString('SUBACK', text, traceId) } }
      : {}),
  });
}

/** The reason code of one filter, which is subscribed where the code is a granted QoS. */
function grant(core: BrokerCore, agreement: Agreement, wanted: ISubscription): number {
  const parsed = parseFilter(wanted.topic);
  if (!parsed) return REASON.topicFilterInvalid;
  const { session, permissions } = agreement;
  if (!permissions.decide('iot:Subscribe', 'topicfilter', parsed.filter).allowed) {
    return REASON.notAuthorized;
  }
  const held = session.subscriptions.has(wanted.topic);
  if (!held && session.subscriptions.size >= core.limits.subscriptionsPerConnection) {
    return REASON.quotaExceeded;
  }
  // AWS has no QoS 2; a subscription that asks for it is granted QoS 1.
  const qos = wanted.qos === 0 ? 0 : 1;
  core.router.add(session, parsed, {
    qos,
    noLocal: wanted.nl === true,
    retainAsPublished: wanted.rap === true,
  });
  session.subscriptions.set(wanted.topic, parsed);
  return qos;
}

export function handleUnsubscribe(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  packet: IUnsubscribePacket,
): void {
  const { session } = agreement;
  const granted = packet.unsubscriptions.map((filter): number => {
    const parsed = session.subscriptions.get(filter);
    if (parsed) {
      session.subscriptions.delete(filter);
      core.router.remove(session, parsed);
    }
    return REASON.success;
  });
  logRequest(core, connection, {
    eventType: 'Unsubscribe',
    topicName: packet.unsubscriptions.join(','),
  });
  connection.send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted });
}
