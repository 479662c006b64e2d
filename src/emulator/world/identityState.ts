import type { IdentitySide } from './identitySide.ts';
import type { StoredState } from './stateSchema.ts';

type IdentityState = Pick<
  StoredState,
  'users' | 'refreshSessions' | 'identities' | 'credentials' | 'policies' | 'attachments' | 'things'
>;

/** Everything of the identity side that a restart keeps; open challenges and lock-outs are not. */
export function exportIdentityState(side: IdentitySide): IdentityState {
  const { userPool, iotControl } = side;
  return {
    users: userPool.users.all().map((user) => ({ ...user, attributes: { ...user.attributes } })),
    refreshSessions: userPool.refreshTokens
      .all()
      .map(({ user, ...session }) => ({ ...session, sub: user.sub })),
    identities: [...side.identities.all()],
    credentials: [...side.credentials.all()],
    policies: iotControl.policies.all().map((policy) => ({
      ...policy,
      versions: [...policy.versions.values()].map(({ compiled: _compiled, ...version }) => version),
    })),
    attachments: iotControl.attachments.all().map(([name, target]) => [name, target]),
    things: iotControl.things.all().map((thing) => ({
      ...thing,
      attributes: { ...thing.attributes },
      principals: [...thing.principals],
    })),
  };
}

/** Puts an earlier run's state into a side that holds nothing yet. */
export function importIdentityState(side: IdentitySide, state: IdentityState): void {
  const { userPool, iotControl } = side;
  for (const { alias, temporarySinceMs, totpSecret, ...user } of state.users) {
    userPool.users.restore({
      ...user,
      ...(alias === undefined ? {} : { alias }),
      ...(temporarySinceMs === undefined ? {} : { temporarySinceMs }),
      ...(totpSecret === undefined ? {} : { totpSecret }),
    });
  }
  for (const { sub, usableUntilMs, ...session } of state.refreshSessions) {
    const user = userPool.users.withSubject(sub);
    // The session of a user who was deleted; it would be refused anyway.
    if (user === undefined) continue;
    userPool.refreshTokens.restore({
      ...session,
      user,
      ...(usableUntilMs === undefined ? {} : { usableUntilMs }),
    });
  }
  for (const identity of state.identities) side.identities.restore(identity);
  for (const issued of state.credentials) side.credentials.restore(issued);
  for (const policy of state.policies) iotControl.policies.restore(policy);
  for (const [name, target] of state.attachments) iotControl.attachments.restore(name, target);
  for (const { thingTypeName, ...thing } of state.things) {
    iotControl.things.restore({
      ...thing,
      ...(thingTypeName === undefined ? {} : { thingTypeName }),
      principals: new Set(thing.principals),
    });
  }
}
