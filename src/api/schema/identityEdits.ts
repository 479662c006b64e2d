import { tagsProblem } from '../../shared/domain/tags.ts';
import type { Removal } from '../../shared/store/identityRemovals.ts';
import { identityNotFound } from '../../shared/store/updateIntake.ts';
import type { ApiContext } from '../context.ts';
import { labelProblem, requireReason } from '../input.ts';
import { perform } from '../perform.ts';
import { actionResult, ownResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { describedEnum } from './describedEnum.ts';
import { IdentityType } from './identity.ts';
import { eachRow, identityRows, MAX_IDENTITIES, requireFewIdentities } from './identityRow.ts';
import { NEEDED_REASON_DESCRIPTION } from './reason.ts';

const RenameIdentityInput = builder.inputType('RenameIdentityInput', {
  description: 'Another label for an identity.',
  fields: (t) => ({
    identityId: t.id({ required: true, description: 'The identity.' }),
    label: t.string({ description: 'What to call it; without, it has no label any more.' }),
  }),
});

const IdentityTagsInput = builder.inputType('IdentityTagsInput', {
  description: 'Identities and tags.',
  fields: (t) => ({
    identityIds: t.idList({ required: true, description: `Up to ${MAX_IDENTITIES} identities.` }),
    tags: t.stringList({
      required: true,
      description:
        'Tags: 1 to 64 characters out of a-z, A-Z, 0-9 and _ . : / = @ + -; an identity has up to 20.',
    }),
  }),
});

const PendingUpdatesEnum = describedEnum('PendingUpdates', {
  description: 'What happens with the updates of an identity that is removed.',
  values: {
    REFUSE: 'The identity stays, and the answer says how many there are, where one has not ended.',
    CANCEL: 'What waits is canceled; what is being published ends by itself.',
  },
});

const RemoveIdentityInput = builder.inputType('RemoveIdentityInput', {
  description: 'An identity to remove.',
  fields: (t) => ({
    identityId: t.id({ required: true, description: 'The identity.' }),
    pending: t.field({
      type: PendingUpdatesEnum,
      defaultValue: 'REFUSE',
      description: 'What happens with its updates that have not ended.',
    }),
    reason: t.string({ required: true, description: NEEDED_REASON_DESCRIPTION }),
  }),
});

const RemovalType = builder.objectRef<Removal>('IdentityRemoval').implement({
  description: 'That an identity was removed, and what became of its updates.',
  fields: (t) => ({
    username: t.exposeString('username', {
      description: 'The username that it had; it can be registered again.',
    }),
    canceled: t.exposeInt('canceled', { description: 'Updates that were canceled.' }),
    inFlight: t.exposeInt('inFlight', {
      description: 'Updates that are being published, and end by themselves.',
    }),
  }),
});

const TaggedType = identityRows('TagIdentities');
const UntaggedType = identityRows('UntagIdentities');

async function tagAll(
  how: 'add' | 'remove',
  input: { readonly identityIds: readonly string[]; readonly tags: readonly string[] },
  context: ApiContext,
) {
  const problem = tagsProblem(input.tags);
  if (problem !== undefined) throw problem;
  requireFewIdentities(input.identityIds.length);
  const mutation = how === 'add' ? 'tagIdentities' : 'untagIdentities';
  const rows = await eachRow(input.identityIds, mutation, context, async (id) => {
    await context.identityEditor.tag(id, how, input.tags);
    return { identity: await context.identities.clear(id).load(id) };
  });
  return { rows };
}

builder.mutationFields((t) => ({
  renameIdentity: t.field({
    type: IdentityType,
    authScopes: { role: 'operator' },
    description: 'Gives an identity another label.',
    args: {
      input: t.arg({ type: RenameIdentityInput, required: true, description: 'Which, and how.' }),
    },
    errors: actionResult('RenameIdentity', 'It was done.', {
      name: 'identity',
      description: 'The identity as it stands now.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'renameIdentity', async () => {
        const { identityId } = input;
        const label = input.label ?? undefined;
        const problem = labelProblem(label);
        if (problem !== undefined) throw problem;
        const before = await context.identities.load(identityId);
        await context.identityEditor.rename(identityId, label);
        const identity = await context.identities.clear(identityId).load(identityId);
        if (identity === undefined) throw identityNotFound(identityId);
        context.audit.note({
          before: { label: before?.label ?? null },
          after: { label: label ?? null },
        });
        return identity;
      }),
  }),
  tagIdentities: t.field({
    type: TaggedType,
    authScopes: { role: 'operator' },
    description: 'Gives identities tags, by which they can be listed.',
    args: {
      input: t.arg({ type: IdentityTagsInput, required: true, description: 'Which, and what.' }),
    },
    errors: ownResult('tagIdentities'),
    resolve: (_root, { input }, context) =>
      perform(context, 'tagIdentities', () => tagAll('add', input, context)),
  }),
  untagIdentities: t.field({
    type: UntaggedType,
    authScopes: { role: 'operator' },
    description: 'Takes tags from identities.',
    args: {
      input: t.arg({ type: IdentityTagsInput, required: true, description: 'Which, and what.' }),
    },
    errors: ownResult('untagIdentities'),
    resolve: (_root, { input }, context) =>
      perform(context, 'untagIdentities', () => tagAll('remove', input, context)),
  }),
  removeIdentity: t.field({
    type: RemovalType,
    authScopes: { role: 'approver' },
    description:
      'Removes an identity with its secret, and closes its connection. Its updates that ended stay to be looked at as long as their records are kept. A removal that was cut off is ended by the fleet within some seconds, or at once by doing it again.',
    args: {
      input: t.arg({ type: RemoveIdentityInput, required: true, description: 'Which, and why.' }),
    },
    errors: actionResult('RemoveIdentity', 'It is gone.', {
      name: 'removal',
      description: 'What became of its updates.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'removeIdentity', async () => {
        requireReason(input.reason);
        const identity = await context.identities.load(input.identityId);
        const removal = await context.identityEditor.remove(input.identityId, {
          pending: input.pending ?? 'REFUSE',
          actor: context.actor,
          reason: input.reason,
        });
        context.identities.clear(input.identityId);
        context.audit.note({
          // Of a removal that was cut off, the label is in the entry of the one that began it.
          before: { username: removal.username, label: identity?.label ?? null },
          after: { canceled: removal.canceled, inFlight: removal.inFlight },
        });
        return removal;
      }),
  }),
}));
