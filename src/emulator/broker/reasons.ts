/** MQTT 5 reason codes that AWS IoT lists (aws-facts 3.2), and the form of its reason strings. */

export const REASON = {
  success: 0x00,
  unspecified: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  clientIdNotValid: 0x85,
  notAuthorized: 0x87,
  serverShuttingDown: 0x8b,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  subscriptionIdsNotSupported: 0xa1,
} as const;

export const NOT_AUTHORIZED_TEXT = 'Client is not authenticated/authorized to send the message';

export type AnsweredPacket = 'CONNACK' | 'PUBACK' | 'SUBACK' | 'UNSUBACK' | 'DISCONNECT';

/** `<PACKET>:<text>:<traceId>`, the form seen on AWS. */
export function reasonString(packet: AnsweredPacket, text: string, traceId: string): string {
  return `${packet}:${text}:${traceId}`;
}

/** Why a connection ended, in the words of lifecycle events (aws-facts 3.7). */
export type DisconnectReason =
  | 'AUTH_ERROR'
  | 'CLIENT_INITIATED_DISCONNECT'
  | 'CLIENT_ERROR'
  | 'CONNECTION_LOST'
  | 'DUPLICATE_CLIENTID'
  | 'FORBIDDEN_ACCESS'
  | 'MQTT_KEEP_ALIVE_TIMEOUT'
  | 'SERVER_ERROR'
  | 'SERVER_INITIATED_DISCONNECT'
  | 'API_INITIATED_DISCONNECT'
  | 'THROTTLED'
  | 'WEBSOCKET_TTL_EXPIRATION';
