/** SUBSCRIBE and UNSUBSCRIBE. */
import { randomUUID } from 'node:crypto';
import type { ISubscribePacket, ISubscription, IUnsubscribePacket } from 'mqtt-packet';
import type { Agreement, Connection } from './connection.ts';
import { AUTHORIZATION_FAILURE, type BrokerCore, logRequest } from './core.ts';
import { MAX_FILTERS_PER_SUBSCRIBE } from './limits.ts';
import { NOT_AUTHORIZED_TEXT, REASON, reasonString } from './reasons.ts';
import { isWildcard, parseFilter } from './topics.ts';

const OVER_SUBSCRIBED_TEXT = 'Too many subscriptions on this connection';

interface Grant {
  readonly wanted: ISubscription;
  /** Granted QoS or reason code. */
  readonly code: number;
  readonly fresh: boolean;
}

export function handleSubscribe(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  packet: ISubscribePacket,
): void {
  const traceId = randomUUID();
  const fault = protocolFault(packet);
  if (fault) {
    const ending = { disconnectReason: 'CLIENT_ERROR', clientInitiated: false } as const;
    return connection.end(ending, fault.code, fault.text, traceId);
  }
  const full = agreement.session.subscriptions.size;
  const grants = grantAll(core, agreement, packet.subscriptions);
  const codes = grants.map(({ code }) => code);
  const denied = codes.includes(REASON.notAuthorized);
  const refused = codes.some((code) => code >= 0x80);
  logRequest(
    core,
    connection,
    {
      eventType: 'Subscribe',
      topicName: packet.subscriptions.map(({ topic }) => topic).join(','),
      subscriptions: grants.map(({ wanted, code }) => ({
        topicName: wanted.topic,
        reasonCode: code,
      })),
      ...(denied ? AUTHORIZATION_FAILURE : {}),
    },
    traceId,
  );
  if (refused && connection.version !== 5) {
    // MQTT 3.1.1 gets no SUBACK: the connection is closed (aws-facts 3.3).
    const disconnectReason = denied ? 'FORBIDDEN_ACCESS' : 'CLIENT_ERROR';
    return connection.end({ disconnectReason, clientInitiated: false });
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
  const granted = grants.filter(({ code }) => code < 0x80);
  core.lifecycle.subscribed(
    connection,
    granted.map(({ wanted }) => wanted.topic),
  );
  for (const grant of granted) sendRetained(core, agreement, grant);
  const overSubscribed = refused && full + granted.length >= core.limits.subscriptionsPerConnection;
  if (overSubscribed && core.settings.overSubscribed === 'terminate') {
    const ending = { disconnectReason: 'CLIENT_ERROR', clientInitiated: false } as const;
    connection.end(ending, REASON.quotaExceeded, OVER_SUBSCRIBED_TEXT, traceId);
  }
}

function protocolFault(packet: ISubscribePacket): { code: number; text: string } | undefined {
  if (packet.properties?.subscriptionIdentifier !== undefined) {
    return {
      code: REASON.subscriptionIdsNotSupported,
      text: 'Subscription Id is not supported now',
    };
  }
  if (packet.subscriptions.length === 0) {
    return { code: REASON.protocolError, text: 'SUBSCRIBE without a filter' };
  }
  const sharedNoLocal = packet.subscriptions.some(
    ({ topic, nl }) => nl === true && topic.startsWith('$share/'),
  );
  return sharedNoLocal
    ? { code: REASON.protocolError, text: 'No Local on a shared subscription' }
    : undefined;
}

function grantAll(
  core: BrokerCore,
  agreement: Agreement,
  subscriptions: readonly ISubscription[],
): Grant[] {
  const nowMs = core.now();
  // The account's rate counts filters, not packets (aws-facts 1.2).
  const tooMany =
    subscriptions.length > MAX_FILTERS_PER_SUBSCRIBE ||
    !core.rates.subscribes.take(nowMs, subscriptions.length) ||
    core.router.size + subscriptions.length > core.limits.account.subscriptions;
  return subscriptions.map((wanted) =>
    tooMany ? { wanted, code: REASON.quotaExceeded, fresh: false } : grant(core, agreement, wanted),
  );
}

/** Subscribes one filter, or says with a reason code why not. */
function grant(core: BrokerCore, agreement: Agreement, wanted: ISubscription): Grant {
  const parsed = parseFilter(wanted.topic);
  if (!parsed) return { wanted, code: REASON.topicFilterInvalid, fresh: false };
  const { session, permissions } = agreement;
  if (!permissions.decide('iot:Subscribe', 'topicfilter', parsed.filter).allowed) {
    return { wanted, code: REASON.notAuthorized, fresh: false };
  }
  const held = session.subscriptions.has(wanted.topic);
  if (!held && session.subscriptions.size >= core.limits.subscriptionsPerConnection) {
    return { wanted, code: REASON.quotaExceeded, fresh: false };
  }
  // AWS has no QoS 2; a subscription that asks for it is granted QoS 1.
  const qos = wanted.qos === 0 ? 0 : 1;
  core.router.add(session, parsed, {
    qos,
    noLocal: wanted.nl === true,
    retainAsPublished: wanted.rap === true,
  });
  session.subscriptions.set(wanted.topic, { parsed, qos });
  return { wanted, code: qos, fresh: !held };
}

/** Not for wildcards, on AWS, nor for shared subscriptions; else as Retain Handling says. */
function sendRetained(
  core: BrokerCore,
  agreement: Agreement,
  { wanted, code, fresh }: Grant,
): void {
  if (isWildcard(wanted.topic) || wanted.topic.startsWith('$share/')) return;
  if (wanted.rh === 2 || (wanted.rh === 1 && !fresh)) return;
  const kept = core.retained.find(wanted.topic);
  if (!kept) return;
  const qos = code === 1 && kept.message.qos === 1 ? 1 : 0;
  agreement.session.deliver({ message: kept.message, qos, retain: true });
}

export function handleUnsubscribe(
  core: BrokerCore,
  connection: Connection,
  agreement: Agreement,
  packet: IUnsubscribePacket,
): void {
  const { session } = agreement;
  for (const filter of packet.unsubscriptions) {
    const held = session.subscriptions.get(filter);
    if (!held) continue;
    session.subscriptions.delete(filter);
    core.router.remove(session, held.parsed);
  }
  const topicName = packet.unsubscriptions.join(',');
  logRequest(core, connection, { eventType: 'Unsubscribe', topicName });
  connection.send({
    cmd: 'unsuback',
    messageId: packet.messageId ?? 0,
    granted: packet.unsubscriptions.map(() => REASON.success),
  });
  core.lifecycle.unsubscribed(connection, packet.unsubscriptions);
}
