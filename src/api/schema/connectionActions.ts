import type { Identity } from '../../shared/domain/identity.ts';
import type { ConnectionAction } from '../../shared/queue/deliverJob.ts';
import { identityNotFound } from '../../shared/store/updateIntake.ts';
import type { ApiContext } from '../context.ts';
import { allowReason } from '../input.ts';
import { perform } from '../perform.ts';
import { actionResult, ownResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { IdentityType } from './identity.ts';
import { eachRow, identityRows, MAX_IDENTITIES, requireFewIdentities } from './identityRow.ts';
import { REASON_DESCRIPTION } from './reason.ts';

interface AskedOfConnection {
  readonly identityId: string;
  readonly reason?: string | null | undefined;
}

/** What was asked of one identity's connection; the owner does it as soon as it gets to it. */
async function ask(
  action: ConnectionAction,
  { identityId, reason }: AskedOfConnection,
  context: ApiContext,
): Promise<Identity> {
  allowReason(reason);
  const identity = await context.identities.load(identityId);
  if (identity === undefined) throw identityNotFound(identityId);
  await context.fleetControl.connections(action, [identityId]);
  return identity;
}

const ConnectionActionInput = builder.inputType('ConnectionActionInput', {
  description: 'An identity whose connection is meant.',
  fields: (t) => ({
    identityId: t.id({ required: true, description: 'The identity.' }),
    reason: t.string({ description: REASON_DESCRIPTION }),
  }),
});

const result = (name: string) =>
  actionResult(
    name,
    'The worker that owns the identity was asked; its connection tells what it did.',
    { name: 'identity', description: 'The identity as it stands now.' },
  );

builder.mutationFields((t) => ({
  reconnectIdentity: t.field({
    type: IdentityType,
    authScopes: { role: 'operator' },
    description:
      'Has an identity connect anew, once what is in flight has its answer: with credentials as they are now, and at once where it was backing off. A parked identity is probed.',
    args: {
      input: t.arg({ type: ConnectionActionInput, required: true, description: 'The identity.' }),
    },
    errors: result('ReconnectIdentity'),
    resolve: (_root, { input }, context) =>
      perform(context, 'reconnectIdentity', () => ask('reconnect', input, context)),
  }),
  closeConnection: t.field({
    type: IdentityType,
    authScopes: { role: 'operator' },
    description:
      'Closes the connection of an identity, once what is in flight has its answer. The next update opens it again.',
    args: {
      input: t.arg({ type: ConnectionActionInput, required: true, description: 'The identity.' }),
    },
    errors: result('CloseConnection'),
    resolve: (_root, { input }, context) =>
      perform(context, 'closeConnection', () => ask('close', input, context)),
  }),
}));

const WarmUpConnectionsInput = builder.inputType('WarmUpConnectionsInput', {
  description: 'Identities to connect ahead of their updates.',
  fields: (t) => ({
    identityIds: t.idList({
      required: true,
      description: `The identities, up to ${MAX_IDENTITIES} at once.`,
    }),
  }),
});

const WarmedUpType = identityRows('WarmUpConnections');

builder.mutationField('warmUpConnections', (t) =>
  t.field({
    type: WarmedUpType,
    authScopes: { role: 'operator' },
    description:
      'Connects identities now, so that their first updates need not wait for it: the workers were asked once it answers, and connect them as fast as the account allows. An idle connection closes again after IDLE_CLOSE_MS.',
    args: {
      input: t.arg({ type: WarmUpConnectionsInput, required: true, description: 'Which.' }),
    },
    errors: ownResult('warmUpConnections'),
    resolve: (_root, { input }, context) =>
      perform(context, 'warmUpConnections', async () => {
        requireFewIdentities(input.identityIds.length);
        const rows = await eachRow(input.identityIds, 'warmUpConnections', context, async (id) => {
          const identity = await context.identities.load(id);
          if (identity === undefined) throw identityNotFound(id);
          return { identity };
        });
        const known = new Set(rows.flatMap(({ identity }) => identity?.id ?? []));
        await context.fleetControl.connections('warm', [...known]);
        return { rows };
      }),
  }),
);
