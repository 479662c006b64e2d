import type { Batch, BatchEnd } from '../../shared/domain/batch.ts';
import type { FailureCode, UpdateState } from '../../shared/domain/sets.ts';
import type { BatchPlace } from '../../shared/store/batchReader.ts';
import type { Facet } from '../../shared/store/updateFacets.ts';
import { pageCursor, placeOf } from '../../shared/store/pageCursor.ts';
import { costs } from '../limits/fieldCost.ts';
import { builder } from './builder.ts';
import { BatchStateEnum } from './enums.ts';
import { pageArgs, pageSize, toPage } from './page.ts';
import { UpdateConnection, UpdateType } from './update.ts';
import { FailureCount, StateCount } from './updateFacets.ts';
import {
  SEARCH_COST,
  toFilter,
  UpdateFilterInput,
  updateListArgs,
  updatePage,
} from './updateSearch.ts';

export const BatchType = builder.node(builder.objectRef<Batch>('Batch'), {
  description:
    'Updates that were accepted together, and how far they are. Its counters move with its updates, and agree with them whatever crashed.',
  id: { resolve: ({ id }) => id },
  loadMany: (ids, context) =>
    context.gate.read(() => Promise.all(ids.map((id) => context.batches.find(id)))),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'ends' in value,
  fields: (t) => ({
    state: t.expose('state', { type: BatchStateEnum, description: 'Where it stands.' }),
    label: t.string({
      nullable: true,
      description: 'What its caller called it.',
      resolve: ({ label }) => label,
    }),
    actor: t.exposeString('actor', { description: 'Who asked for it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its last update ended.',
      resolve: ({ finishedAt }) => finishedAt,
    }),
    total: t.exposeInt('total', { description: 'How many updates it has.' }),
    ended: t.int({
      description: 'How many of them have ended.',
      resolve: ({ total, left }) => total - left,
    }),
    states: t.field({
      type: [StateCount],
      extensions: costs({ points: 10 }),
      description:
        'How many updates are in each state. The final ones are counters; how those that are open divide is counted for the answer, in big batches up to a bound.',
      resolve: async ({ id, left, ends }, _args, context): Promise<Facet<UpdateState>[]> => {
        const final = sums(ends, ({ state }) => state);
        if (left === 0) return final;
        const filter = { batchId: id, states: ['QUEUED', 'HELD', 'IN_FLIGHT'] as const };
        const open = await context.gate.read(() => context.facets.count(filter, context.signal));
        return [...open.states, ...final];
      },
    }),
    failureCodes: t.field({
      type: [FailureCount],
      description: 'How many updates ended without success, by the reason why.',
      resolve: ({ ends }): Facet<FailureCode>[] => sums(ends, ({ code }) => code),
    }),
    updates: t.field({
      type: UpdateConnection,
      extensions: SEARCH_COST,
      description: 'Its updates.',
      args: {
        filter: t.arg({ type: UpdateFilterInput, description: 'Which ones; all unless given.' }),
        ...updateListArgs(t.arg),
      },
      resolve: ({ id }, { filter, ...args }, context) =>
        updatePage(toFilter(filter, { batchId: id }), args, context),
    }),
  }),
});

builder.objectField(BatchType, 'retryOf', (t) =>
  t.field({
    type: BatchType,
    nullable: true,
    description: 'The batch whose failed updates it sends again; null where it is none, or gone.',
    resolve: ({ retryOf }, _args, context) =>
      retryOf === undefined ? null : context.gate.read(() => context.batches.find(retryOf)),
  }),
);

builder.objectField(UpdateType, 'batch', (t) =>
  t.field({
    type: BatchType,
    nullable: true,
    description: 'The batch that it was accepted with; null where it came alone.',
    resolve: async ({ id }, _args, context) => {
      const update = await context.updates.load(id);
      const { batchId } = update ?? {};
      return batchId === undefined ? null : context.gate.read(() => context.batches.find(batchId));
    },
  }),
);

const BatchFilterInput = builder.inputType('BatchFilter', {
  description: 'What batches must be to be listed; what is left out does not matter.',
  fields: (t) => ({
    actor: t.string({ description: 'Asked for by this caller.' }),
    label: t.string({ description: 'Called exactly this.' }),
    states: t.field({ type: [BatchStateEnum], description: 'In one of these states.' }),
  }),
});

const BatchConnection = builder.connectionObject(
  { type: BatchType, name: 'BatchConnection', description: 'A page of the list of batches.' },
  { name: 'BatchEdge', description: 'A batch of a page, and where it stands in the list.' },
);

builder.queryFields((t) => ({
  batch: t.field({
    type: BatchType,
    authScopes: { role: 'viewer' },
    nullable: true,
    description: 'One batch; null where none has the id, or it was pruned.',
    args: { id: t.arg.id({ required: true, description: 'The id that updateShadows gave.' }) },
    resolve: (_root, { id }, context) => context.gate.read(() => context.batches.find(id)),
  }),
  batches: t.field({
    type: BatchConnection,
    authScopes: { role: 'viewer' },
    extensions: costs({ filtered: 200 }),
    description:
      'The batches, newest first; those that have ended for RETENTION_MS. With a filter one page looks at 200 of them at most: it may be short and yet have more behind it.',
    args: {
      filter: t.arg({ type: BatchFilterInput, description: 'Which; all unless given.' }),
      ...pageArgs(t.arg),
    },
    resolve: async (_root, { filter, ...args }, context) => {
      const size = pageSize(args);
      const after = typeof args.after === 'string' ? parseCursor(args.after) : undefined;
      const wanted = {
        actor: filter?.actor ?? undefined,
        label: filter?.label ?? undefined,
        states: filter?.states ?? undefined,
      };
      const page = await context.gate.read(() => context.batches.page(size, after, wanted));
      const edges = page.batches.map((node) => ({ cursor: toCursor(node), node }));
      return toPage(edges, args, page.next !== undefined, page.next && toCursor(page.next));
    },
  }),
}));

function toCursor({ createdAt, id }: BatchPlace): string {
  return pageCursor(`${createdAt}:${id}`);
}

/** @throws PAGE_INVALID */
function parseCursor(cursor: string): BatchPlace {
  const [, createdAt, id = ''] = placeOf(cursor, /^(\d{1,16}):(bat_\w{26})$/);
  return { createdAt: Number(createdAt), id };
}

/** How many ended with each value, those without one left out. */
function sums<Value extends string>(
  ends: readonly BatchEnd[],
  valueOf: (end: BatchEnd) => Value | undefined,
): Facet<Value>[] {
  const counts = new Map<Value, number>();
  for (const end of ends) {
    const value = valueOf(end);
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + end.count);
  }
  return [...counts].map(([value, count]) => ({ value, count, atLeast: false }));
}
