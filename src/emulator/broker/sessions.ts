/** The life of sessions: detached on a disconnect, forgotten on expiry. */
import type { BrokerCore } from './core.ts';
import type { Session } from './session.ts';

type SessionOwner = Pick<BrokerCore, 'router' | 'sessions' | 'now'>;

/** Drops a session with its subscriptions and messages. */
export function forgetSession(core: SessionOwner, session: Session): void {
  for (const { parsed } of session.subscriptions.values()) core.router.remove(session, parsed);
  session.subscriptions.clear();
  if (core.sessions.get(session.clientId) === session) core.sessions.delete(session.clientId);
}

/** Keeps the session for as long as was agreed, or drops it at once. */
export function detachSession(core: SessionOwner, session: Session): void {
  session.detach(core.now());
  if (session.expiryMs <= 0) forgetSession(core, session);
}

export function expireSessions(core: SessionOwner): void {
  const nowMs = core.now();
  for (const session of core.sessions.values()) {
    if (session.expiresAtMs !== undefined && session.expiresAtMs <= nowMs) {
      forgetSession(core, session);
    }
  }
}
