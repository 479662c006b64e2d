/** Wills: published when a connection ends without the client's wish. */
import type { Agreement, Will } from './connection.ts';
import type { BrokerCore } from './core.ts';
import type { Delays } from './delays.ts';

/**
 * Publishes now, or after the will's delay unless the client is back by then. The shadow service
 * ignores wills; subscribers of its request topics do get them (aws-facts 2.1).
 */
export function publishWill(
  core: BrokerCore,
  delays: Delays,
  { session, permissions, clientId }: Agreement,
  { delaySeconds, message }: Will,
): void {
  const publish = (): void => {
    if (!permissions.decide('iot:Publish', 'topic', message.topic).allowed) return;
    if (message.retain) core.retained.store(message, core.now());
    core.route(message, session);
  };
  const delayMs = Math.min((delaySeconds * 1000) / core.timeScale, session.expiryMs);
  if (delayMs <= 0) return publish();
  delays.after(delayMs, () => {
    if (core.sessions.get(clientId)?.connected !== true) publish();
  });
}
