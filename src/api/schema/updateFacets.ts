import type { FailureCode, UpdateState, WaitReason } from '../../shared/domain/sets.ts';
import type { Facet, Facets } from '../../shared/store/updateFacets.ts';
import { costs } from '../limits/fieldCost.ts';
import { builder } from './builder.ts';
import { FailureCodeEnum, UpdateStateEnum, WaitReasonEnum } from './enums.ts';
import { toFilter, UpdateFilterInput } from './updateSearch.ts';

const AT_LEAST = 'Whether there may be more: one count looks at a bounded number of candidates.';

export const StateCount = builder.objectRef<Facet<UpdateState>>('UpdateStateCount').implement({
  description: 'How many updates are in a state.',
  fields: (t) => ({
    state: t.field({
      type: UpdateStateEnum,
      description: 'The state.',
      resolve: ({ value }) => value,
    }),
    count: t.exposeInt('count', { description: 'How many.' }),
    atLeast: t.exposeBoolean('atLeast', { description: AT_LEAST }),
  }),
});

export const FailureCount = builder.objectRef<Facet<FailureCode>>('UpdateFailureCount').implement({
  description: 'How many updates ended without success for a reason.',
  fields: (t) => ({
    code: t.field({
      type: FailureCodeEnum,
      description: 'The reason.',
      resolve: ({ value }) => value,
    }),
    count: t.exposeInt('count', { description: 'How many.' }),
    atLeast: t.exposeBoolean('atLeast', { description: AT_LEAST }),
  }),
});

const WaitCount = builder.objectRef<Facet<WaitReason>>('UpdateWaitCount').implement({
  description: 'How many updates wait for a reason.',
  fields: (t) => ({
    reason: t.field({
      type: WaitReasonEnum,
      description: 'The reason.',
      resolve: ({ value }) => value,
    }),
    count: t.exposeInt('count', { description: 'How many.' }),
    atLeast: t.exposeBoolean('atLeast', { description: AT_LEAST }),
  }),
});

const ValueCount = builder.objectRef<Facet>('UpdateValueCount').implement({
  description: 'How many updates have a value.',
  fields: (t) => ({
    value: t.exposeString('value', { description: 'The value.' }),
    count: t.exposeInt('count', { description: 'How many.' }),
    atLeast: t.exposeBoolean('atLeast', { description: AT_LEAST }),
  }),
});

export const UpdateFacetsType = builder.objectRef<Facets>('UpdateFacets').implement({
  description: 'How many updates match a filter, and by what they have; the most frequent first.',
  fields: (t) => ({
    total: t.exposeInt('total', { description: 'How many match.' }),
    atLeast: t.exposeBoolean('atLeast', { description: AT_LEAST }),
    states: t.field({
      type: [StateCount],
      description: 'By state.',
      resolve: ({ states }) => states,
    }),
    failureCodes: t.field({
      type: [FailureCount],
      description: 'By the reason why they ended without success.',
      resolve: ({ failureCodes }) => failureCodes,
    }),
    waitReasons: t.field({
      type: [WaitCount],
      description: 'By the reason why they wait.',
      resolve: ({ waitReasons }) => waitReasons,
    }),
    actors: t.field({
      type: [ValueCount],
      description: 'By who asked; 50 at most.',
      resolve: ({ actors }) => actors,
    }),
    labels: t.field({
      type: [ValueCount],
      description: 'By label; 50 at most.',
      resolve: ({ labels }) => labels,
    }),
  }),
});

builder.queryField('updateFacets', (t) =>
  t.field({
    type: UpdateFacetsType,
    authScopes: { role: 'viewer' },
    extensions: costs({ points: 250 }),
    description:
      'Counts the updates that match a filter. By state and failure code the counts are exact where the filter names nothing else; all others up to a bounded number of candidates.',
    args: {
      filter: t.arg({ type: UpdateFilterInput, description: 'Which ones; all unless given.' }),
    },
    resolve: (_root, { filter }, context) =>
      context.gate.read(() => context.facets.count(toFilter(filter), context.signal)),
  }),
);
