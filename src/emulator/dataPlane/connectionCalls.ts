/** GetConnection, DeleteConnection and ListSubscriptions. */
import { REASON } from '../broker/reasons.ts';
import { forgetSession } from '../broker/sessions.ts';
import { failure, type HttpAnswer, success } from './answer.ts';
import { type CallContext, type CallRequest, page, pageSize, type Routed } from './call.ts';

export function connectionCall(clientId: string, { method, query }: CallRequest): Routed {
  const resource = { kind: 'client', name: clientId } as const;
  if (method === 'GET') {
    const withSource = query.get('includeSocketInformation') === 'true';
    return {
      eventType: 'GetConnection',
      actions: ['iot:GetConnection'],
      resource,
      fault: undefined,
      perform: (context) => describe(context, clientId, withSource),
    };
  }
  if (method !== 'DELETE') return 'method-not-allowed';
  const cleanSession = query.get('cleanSession') === 'true';
  const withWill = query.get('preventWillMessage') !== 'true';
  return {
    eventType: 'DeleteConnection',
    actions: ['iot:DeleteConnection'],
    resource,
    fault: clientId.startsWith('$') ? 'Client id is not valid' : undefined,
    perform: (context) => disconnect(context, clientId, cleanSession, withWill),
  };
}

function describe(
  { core, traceId }: CallContext,
  clientId: string,
  withSource: boolean,
): HttpAnswer {
  const session = core.sessions.get(clientId);
  if (!session) return failure(404, 'No connection of this client id', traceId);
  const connection = core.connectionOf(clientId);
  const agreement = connection?.agreement;
  return success(
    JSON.stringify({
      clientId,
      connected: connection !== undefined,
      cleanSession: session.expiryMs === 0,
      sessionExpiry: Math.round((session.expiryMs * core.timeScale) / 1000),
      connectedSince: connection?.openedAtMs,
      keepAliveDuration: agreement && agreement.keepAliveMs / 1000,
      ...(withSource
        ? { sourceIp: connection?.origin.sourceIp, sourcePort: connection?.origin.sourcePort }
        : {}),
    }),
  );
}

function disconnect(
  { core, traceId }: CallContext,
  clientId: string,
  cleanSession: boolean,
  withWill: boolean,
): HttpAnswer {
  const connection = core.connectionOf(clientId);
  const session = core.sessions.get(clientId);
  if (!connection) return failure(404, 'No connection of this client id', traceId);
  connection.end(
    { disconnectReason: 'API_INITIATED_DISCONNECT', clientInitiated: false, withWill },
    REASON.administrativeAction,
    'Disconnected by the DeleteConnection API',
    traceId,
  );
  if (cleanSession && session) forgetSession(core, session);
  return success('{}');
}

export function listSubscriptionsCall(clientId: string, { method, query }: CallRequest): Routed {
  if (method !== 'GET') return 'method-not-allowed';
  const size = pageSize(query.get('maxResults'), 50, 200);
  return {
    eventType: 'ListSubscriptions',
    actions: ['iot:ListSubscriptions'],
    resource: { kind: 'client', name: clientId },
    fault: undefined,
    perform({ core, traceId }) {
      const session = core.sessions.get(clientId);
      if (!session) return failure(404, 'No session of this client id', traceId);
      const filters = [...session.subscriptions.keys()].sort();
      const { items, nextToken } = page(filters, (text) => text, query.get('nextToken'), size);
      const subscriptions = items.map((topicFilter) => ({
        topicFilter,
        qos: session.subscriptions.get(topicFilter)?.qos ?? 0,
      }));
      return success(JSON.stringify({ subscriptions, nextToken }));
    },
  };
}
