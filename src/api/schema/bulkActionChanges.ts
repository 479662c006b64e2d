import type { BulkKind } from '../../shared/domain/bulkAction.ts';
import type { UpdateFilter } from '../../shared/domain/updateFilter.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { ApiContext } from '../context.ts';
import { requireReason } from '../input.ts';
import { costs } from '../limits/fieldCost.ts';
import { perform } from '../perform.ts';
import { actionResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { BulkActionType, BulkKindEnum, BulkPreviewType } from './bulkAction.ts';
import { NEEDED_REASON_DESCRIPTION } from './reason.ts';
import { toFilter, UpdateFilterInput } from './updateSearch.ts';

const REASON = 'Why: 1 to 500 characters, kept with it.';

const PreviewInput = builder.inputType('PreviewBulkActionInput', {
  description: 'What would be done, and to which updates.',
  fields: (t) => ({
    kind: t.field({ type: BulkKindEnum, required: true, description: 'What would be done.' }),
    filter: t.field({
      type: UpdateFilterInput,
      required: true,
      description: 'Which updates; of them those that it applies to.',
    }),
  }),
});

const StartInput = builder.inputType('StartBulkActionInput', {
  description: 'A preview to start.',
  fields: (t) => ({
    previewId: t.id({ required: true, description: 'The preview.' }),
    reason: t.string({ required: true, description: REASON }),
  }),
});

const AbortInput = builder.inputType('AbortBulkActionInput', {
  description: 'An action to abort.',
  fields: (t) => ({
    bulkActionId: t.id({ required: true, description: 'The action.' }),
    reason: t.string({ required: true, description: NEEDED_REASON_DESCRIPTION }),
  }),
});

const BatchActionInput = builder.inputType('BatchActionInput', {
  description: 'A batch, and why something is done to it.',
  fields: (t) => ({
    batchId: t.id({ required: true, description: 'The batch.' }),
    reason: t.string({ required: true, description: REASON }),
  }),
});

const STARTED = { name: 'bulkAction', description: 'The action, which the workers take on.' };

/** Previews and starts at once what is done to a whole batch. */
async function actOnBatch(
  kind: BulkKind,
  filter: UpdateFilter & { readonly batchId: string },
  reason: string,
  context: ApiContext,
) {
  requireReason(reason);
  if ((await context.batches.find(filter.batchId)) === undefined)
    throw batchNotFound(filter.batchId);
  const { token } = await context.bulkActions.preview(kind, filter);
  return context.bulkActions.start(token, context.actor, reason);
}

builder.mutationFields((t) => ({
  previewBulkAction: t.field({
    type: BulkPreviewType,
    authScopes: { role: 'operator' },
    extensions: costs({ points: 250 }),
    description:
      'Tells to how many updates an action would be done, and to which; startBulkAction then does it to what was accepted up to now.',
    args: {
      input: t.arg({ type: PreviewInput, required: true, description: 'What, and to which.' }),
    },
    errors: actionResult('PreviewBulkAction', 'It may be started.', {
      name: 'preview',
      description: 'What it would be done to.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'previewBulkAction', () =>
        context.bulkActions.preview(input.kind, toFilter(input.filter)),
      ),
  }),
  startBulkAction: t.field({
    type: BulkActionType,
    authScopes: { role: 'approver' },
    description:
      'Starts what was previewed, by whomever; the workers do it. The same preview again is the same action.',
    args: { input: t.arg({ type: StartInput, required: true, description: 'The preview.' }) },
    errors: actionResult('StartBulkAction', 'It has begun.', STARTED),
    resolve: (_root, { input: { previewId, reason } }, context) =>
      perform(context, 'startBulkAction', () => {
        requireReason(reason);
        return context.bulkActions.start(previewId, context.actor, reason);
      }),
  }),
  abortBulkAction: t.field({
    type: BulkActionType,
    authScopes: { role: 'operator' },
    description: 'Ends an action after what it is at; what it has done stays done.',
    args: { input: t.arg({ type: AbortInput, required: true, description: 'The action.' }) },
    errors: actionResult('AbortBulkAction', 'It ends, or has ended.', STARTED),
    resolve: (_root, { input: { bulkActionId, reason } }, context) =>
      perform(context, 'abortBulkAction', () => {
        requireReason(reason);
        return context.bulkActions.abort(bulkActionId, context.actor, reason);
      }),
  }),
  cancelBatch: t.field({
    type: BulkActionType,
    authScopes: { role: 'operator' },
    extensions: costs({ points: 100 }),
    description: 'Cancels the updates of a batch that are QUEUED or HELD.',
    args: { input: t.arg({ type: BatchActionInput, required: true, description: 'The batch.' }) },
    errors: actionResult('CancelBatch', 'It has begun.', STARTED),
    resolve: (_root, { input: { batchId, reason } }, context) =>
      perform(context, 'cancelBatch', () => actOnBatch('CANCEL', { batchId }, reason, context)),
  }),
  retryBatch: t.field({
    type: BulkActionType,
    authScopes: { role: 'operator' },
    extensions: costs({ points: 100 }),
    description:
      'Sends the updates of a batch that FAILED or EXPIRED again, as a new batch that names this one; those that were sent again before are skipped.',
    args: { input: t.arg({ type: BatchActionInput, required: true, description: 'The batch.' }) },
    errors: actionResult('RetryBatch', 'It has begun.', STARTED),
    resolve: (_root, { input: { batchId, reason } }, context) =>
      perform(context, 'retryBatch', () => actOnBatch('RETRY', { batchId }, reason, context)),
  }),
}));

function batchNotFound(id: string): CourierError {
  return new CourierError(
    'BATCH_NOT_FOUND',
    `No batch has the id "${id.slice(0, 64)}".`,
    'Use the id that updateShadows gave. Batches that have ended are kept for RETENTION_MS.',
  );
}
