import type { BulkAction, BulkError, BulkKind, BulkState } from '../../shared/domain/bulkAction.ts';
import type { JsonObject } from '../../shared/domain/desired.ts';
import { isBulkActionId } from '../../shared/domain/ids.ts';
import type { UpdateFilter } from '../../shared/domain/updateFilter.ts';
import type { BulkPreview } from '../../shared/store/bulkActions.ts';
import { cursorInvalid } from '../../shared/store/pageCursor.ts';
import { builder } from './builder.ts';
import { BatchType } from './batch.ts';
import { describedEnum } from './describedEnum.ts';
import { ErrorCodeEnum } from './error.ts';
import { pageArgs, pageSize, toPage } from './page.ts';
import { refTo, UpdateType } from './update.ts';
import { UpdateFacetsType } from './updateFacets.ts';

export const BulkKindEnum = describedEnum<BulkKind>('BulkKind', {
  description: 'What may be done with all updates that match a filter.',
  values: {
    CANCEL: 'Cancel those that are QUEUED or HELD.',
    RETRY:
      'Send those that FAILED or EXPIRED again (CANCELED ones too where the filter names that state), as a new batch, without their deadline, through their groups where they came through one that is still there. What was sent again before is skipped.',
    RELEASE:
      'End the waits of those that wait for a quarantined identity, which is released with all that waits for it, or for a time of ours (BACKOFF, RATE_LIMITED).',
  },
});

const BulkStateEnum = describedEnum<BulkState>('BulkState', {
  description: 'Where an action on many updates stands.',
  values: {
    RUNNING: 'The workers are at it.',
    ABORTING: 'Somebody aborted it; it ends after what it is at.',
    COMPLETED: 'It came to its end.',
    ABORTED: 'It was aborted; what it had done stays done.',
  },
});

const BulkErrorType = builder.objectRef<BulkError>('BulkActionError').implement({
  description: 'Why something could not be done to an update.',
  fields: (t) => ({
    updateId: t.exposeID('updateId', { description: 'The update.' }),
    code: t.expose('code', { type: ErrorCodeEnum, description: 'Why, for programs.' }),
    message: t.exposeString('message', { description: 'Why, for people.' }),
  }),
});

export const BulkActionType = builder.node(builder.objectRef<BulkAction>('BulkAction'), {
  description:
    'Something that is done to all updates which match a filter, by the workers, chunk by chunk; each update once, whatever crashes.',
  id: { resolve: ({ id }) => id },
  loadMany: (ids, context) =>
    context.gate.read(() => Promise.all(ids.map((id) => context.bulkActions.find(id)))),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'matchedAtLeast' in value,
  fields: (t) => ({
    kind: t.expose('kind', { type: BulkKindEnum, description: 'What is done.' }),
    state: t.expose('state', { type: BulkStateEnum, description: 'Where it stands.' }),
    filter: t.field({
      type: 'JSONObject',
      description:
        'What it is done to, as it was frozen by the preview: an UpdateFilter, as a variable would hold it.',
      resolve: ({ filter }) => asVariable(filter),
    }),
    reason: t.exposeString('reason', { description: 'Why.' }),
    actor: t.exposeString('actor', { description: 'Who started it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was started.' }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended.',
      resolve: ({ finishedAt }) => finishedAt,
    }),
    matched: t.exposeInt('matched', { description: 'How many matched at the preview.' }),
    matchedAtLeast: t.exposeBoolean('matchedAtLeast', {
      description: 'Whether more may have: a count looks at a bounded number of candidates.',
    }),
    done: t.exposeInt('done', {
      description:
        'To how many it was done. With RELEASE, what is freed along with another one is not counted.',
    }),
    skipped: t.exposeInt('skipped', {
      description: 'How many did not need it any more: they had ended, or were sent again before.',
    }),
    failed: t.exposeInt('failed', { description: 'To how many it could not be done.' }),
    errors: t.field({
      type: [BulkErrorType],
      description: 'Of those, up to ten.',
      resolve: ({ errors }) => errors,
    }),
    abortedBy: t.string({
      nullable: true,
      description: 'Who aborted it.',
      resolve: ({ abortedBy }) => abortedBy,
    }),
    abortReason: t.string({
      nullable: true,
      description: 'Why it was aborted.',
      resolve: ({ abortReason }) => abortReason,
    }),
    batch: t.field({
      type: BatchType,
      nullable: true,
      description: 'With RETRY: the batch of the new updates, which grows as long as it runs.',
      resolve: ({ batchId }, _args, context) =>
        batchId === undefined ? null : context.gate.read(() => context.batches.find(batchId)),
    }),
  }),
});

/** With its times as text, so that it can be sent again. */
function asVariable({ acceptedFrom, acceptedBefore, ...filter }: UpdateFilter): JsonObject {
  const times = Object.entries({ acceptedFrom, acceptedBefore }).flatMap(([name, at]) =>
    at === undefined ? [] : [[name, new Date(at).toISOString()]],
  );
  return { ...filter, ...Object.fromEntries(times) } as JsonObject;
}

export const BulkPreviewType = builder.objectRef<BulkPreview>('BulkActionPreview').implement({
  description: 'What an action would be done to. Nothing is done yet.',
  fields: (t) => ({
    id: t.id({ description: 'What startBulkAction takes.', resolve: ({ token }) => token }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'Until when it may be started.',
    }),
    kind: t.expose('kind', { type: BulkKindEnum, description: 'What would be done.' }),
    matched: t.exposeInt('matched', {
      description: 'How many match now. What is accepted later is left out.',
    }),
    matchedAtLeast: t.exposeBoolean('matchedAtLeast', {
      description: 'Whether more may match: a count looks at a bounded number of candidates.',
    }),
    facets: t.field({
      type: UpdateFacetsType,
      description: 'By what they have.',
      resolve: ({ facets }) => facets,
    }),
    sample: t.field({
      type: [UpdateType],
      description: 'The newest of them, up to ten.',
      resolve: async ({ sample }, _args, context) => {
        const found = await Promise.all(sample.map(({ id }) => context.updates.load(id)));
        return found.flatMap((update) => refTo(update) ?? []);
      },
    }),
  }),
});

const BulkActionConnection = builder.connectionObject(
  {
    type: BulkActionType,
    name: 'BulkActionConnection',
    description: 'A page of the list of actions on many updates.',
  },
  { name: 'BulkActionEdge', description: 'An action of a page, and where it stands in the list.' },
);

builder.queryFields((t) => ({
  bulkAction: t.field({
    type: BulkActionType,
    authScopes: { role: 'viewer' },
    nullable: true,
    description: 'One action on many updates; null where none has the id, or it was pruned.',
    args: { id: t.arg.id({ required: true, description: 'The id that its start gave.' }) },
    resolve: (_root, { id }, context) => context.gate.read(() => context.bulkActions.find(id)),
  }),
  bulkActions: t.field({
    type: BulkActionConnection,
    authScopes: { role: 'viewer' },
    description:
      'The actions on many updates, newest first; those that have ended for RETENTION_MS.',
    args: pageArgs(t.arg),
    resolve: async (_root, args, context) => {
      const size = pageSize(args);
      const after = args.after ?? undefined;
      if (after !== undefined && !isBulkActionId(after)) throw cursorInvalid();
      const ids = await context.gate.read(() => context.bulkActions.list(size + 1, after));
      const shown = ids.slice(0, size);
      const found = await context.gate.read(() =>
        Promise.all(shown.map((id) => context.bulkActions.find(id))),
      );
      const edges = found.flatMap((node) =>
        node === undefined ? [] : [{ cursor: node.id, node }],
      );
      return toPage(edges, args, ids.length > size, shown.at(-1));
    },
  }),
}));
