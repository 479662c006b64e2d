import { isBatchId, isGroupId, isIdentityId } from '../../shared/domain/ids.ts';
import { labelsProblem } from '../../shared/domain/labels.ts';
import { shadowNameProblem, thingNameProblem } from '../../shared/domain/shadow.ts';
import type { UpdateFilter } from '../../shared/domain/updateFilter.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { cursorOf, parseCursor } from '../../shared/store/searchCursor.ts';
import type { Order } from '../../shared/store/shardScan.ts';
import type { ApiContext } from '../context.ts';
import { costs } from '../limits/fieldCost.ts';
import { builder } from './builder.ts';
import { describedEnum } from './describedEnum.ts';
import { FailureCodeEnum, UpdateStateEnum, WaitReasonEnum } from './enums.ts';
import type { Arguments } from './fieldsOf.ts';
import { IdentityType } from './identity.ts';
import { type PageArgs, pageArgs, pageSize, toPage } from './page.ts';
import { ThingType } from './presence.ts';
import { refTo, UpdateConnection } from './update.ts';

export const UpdateOrderEnum = describedEnum<'NEWEST_FIRST' | 'OLDEST_FIRST'>('UpdateOrder', {
  description: 'In which order of acceptance a list of updates comes.',
  values: {
    NEWEST_FIRST: 'What was accepted last comes first.',
    OLDEST_FIRST: 'What was accepted first comes first.',
  },
});

const LOOKED_THROUGH =
  'It is looked for among what else matches, so that few of very many come in short pages.';

export const UpdateFilterInput = builder.inputType('UpdateFilter', {
  description: 'Which updates are meant: those for which everything given holds.',
  fields: (t) => ({
    thing: t.field({ type: 'ThingName', description: 'To the shadows of this thing.' }),
    shadow: t.field({
      type: 'ShadowName',
      description: `To the named shadow of this name. ${LOOKED_THROUGH}`,
    }),
    classicShadow: t.boolean({
      description: `true: to the classic shadow; false: to a named one. ${LOOKED_THROUGH}`,
    }),
    identityId: t.id({ description: 'Published as this identity.' }),
    groupId: t.id({
      description: `Sent through this group, which may have been deleted since. ${LOOKED_THROUGH}`,
    }),
    batchId: t.id({ description: 'Of this batch.' }),
    actor: t.string({ description: 'Asked for by this caller.' }),
    labels: t.stringList({ description: 'With all of these labels.' }),
    states: t.field({ type: [UpdateStateEnum], description: 'In one of these states.' }),
    failureCodes: t.field({
      type: [FailureCodeEnum],
      description: 'Ended without success for one of these reasons.',
    }),
    waitReasons: t.field({
      type: [WaitReasonEnum],
      description:
        'Waiting now for one of these reasons, as `wait` tells it. What waits is looked through for it, so that rare reasons among very many waiting updates come in short pages.',
    }),
    acceptedFrom: t.field({ type: 'DateTime', description: 'Accepted then or later.' }),
    acceptedBefore: t.field({ type: 'DateTime', description: 'Accepted before.' }),
  }),
});

type FilterInput = typeof UpdateFilterInput.$inferInput;

const MAX_ACTOR_LENGTH = 256;

/** A page looks at a bounded number of candidates, which is far more of them with a filter. */
export const SEARCH_COST = costs({ points: 5, filtered: 95 });

/** `own` is what the list is of already. @throws FILTER_INVALID */
export function toFilter(
  input: FilterInput | null | undefined,
  own: Pick<UpdateFilter, 'thing' | 'identityId' | 'batchId'> = {},
): UpdateFilter {
  const given = Object.fromEntries(
    Object.entries(input ?? {}).filter(([, value]) => value !== null && value !== undefined),
  ) as UpdateFilter;
  const { thing, shadow, classicShadow, identityId, groupId, batchId, actor, labels } = given;
  const wrong =
    (thing === undefined ? undefined : thingNameProblem(thing)) ??
    (shadow === undefined ? undefined : shadowNameProblem(shadow)) ??
    (shadow !== undefined && classicShadow === true
      ? 'A named shadow is not the classic one.'
      : undefined) ??
    (identityId === undefined || isIdentityId(identityId)
      ? undefined
      : 'identityId is not the id of an identity.') ??
    (groupId === undefined || isGroupId(groupId)
      ? undefined
      : 'groupId is not the id of a group.') ??
    (batchId === undefined || isBatchId(batchId)
      ? undefined
      : 'batchId is not the id of a batch.') ??
    (actor === undefined || actor.length <= MAX_ACTOR_LENGTH
      ? undefined
      : `actor has more than ${MAX_ACTOR_LENGTH} characters.`) ??
    labelsProblem(labels)?.message;
  if (wrong !== undefined) {
    throw new CourierError('FILTER_INVALID', wrong, 'Correct the filter; nothing could match it.');
  }
  for (const [name, value] of Object.entries(own)) {
    const asked = given[name as keyof typeof own];
    if (asked === undefined || asked === value) continue;
    const why = `The list is of one ${name} already, and the filter names another.`;
    throw new CourierError('FILTER_INVALID', why, 'Leave it out.');
  }
  return { ...given, ...own };
}

export interface UpdateListArgs extends PageArgs {
  readonly orderBy?: 'NEWEST_FIRST' | 'OLDEST_FIRST' | null | undefined;
}

/** A page of the updates that match. */
export async function updatePage(filter: UpdateFilter, args: UpdateListArgs, context: ApiContext) {
  const first = pageSize(args);
  const after = typeof args.after === 'string' ? parseCursor(args.after) : undefined;
  const order: Order = args.orderBy === 'OLDEST_FIRST' ? 'oldest' : 'newest';
  const { signal } = context;
  const page = await context.gate.read(() =>
    context.search.page({ filter, first, after, order, signal }),
  );
  const found = await Promise.all(page.hits.map(({ id }) => context.updates.load(id)));
  const edges = page.hits.flatMap((hit, at) => {
    const node = refTo(found[at]);
    return node === undefined ? [] : [{ cursor: cursorOf(hit), node }];
  });
  const last = page.next ?? page.hits.at(-1);
  return toPage(edges, args, page.next !== undefined, last && cursorOf(last));
}

export function updateListArgs(arg: Arguments) {
  return {
    ...pageArgs(arg),
    orderBy: arg({
      type: UpdateOrderEnum,
      defaultValue: 'NEWEST_FIRST',
      description: 'In which order of acceptance.',
    }),
  };
}

const SHORT_PAGES =
  'One request looks at a bounded number of candidates: where few of them match, a page has fewer entries than asked, or none, and `hasNextPage` is true all the same; its `endCursor` goes on from there.';

builder.queryField('updates', (t) =>
  t.field({
    type: UpdateConnection,
    extensions: SEARCH_COST,
    authScopes: { role: 'viewer' },
    description: `The updates that match a filter, in the order of their acceptance; those that arrive meanwhile move no page. Updates are found for INDEX_MAX_AGE_MS, as long as their records are kept, and the newest INDEX_MAX_COUNT of those that have ended. ${SHORT_PAGES}`,
    args: {
      filter: t.arg({ type: UpdateFilterInput, description: 'Which ones; all unless given.' }),
      ...updateListArgs(t.arg),
    },
    resolve: (_root, { filter, ...args }, context) => updatePage(toFilter(filter), args, context),
  }),
);

builder.objectField(IdentityType, 'updates', (t) =>
  t.field({
    type: UpdateConnection,
    extensions: SEARCH_COST,
    description: `The updates that are, and were, published as it. ${SHORT_PAGES}`,
    args: {
      filter: t.arg({ type: UpdateFilterInput, description: 'Which ones; all unless given.' }),
      ...updateListArgs(t.arg),
    },
    resolve: ({ id }, { filter, ...args }, context) =>
      updatePage(toFilter(filter, { identityId: id }), args, context),
  }),
);

builder.objectField(ThingType, 'updates', (t) =>
  t.field({
    type: UpdateConnection,
    extensions: SEARCH_COST,
    description: `The updates to its shadows, by whichever identity. ${SHORT_PAGES}`,
    args: {
      filter: t.arg({ type: UpdateFilterInput, description: 'Which ones; all unless given.' }),
      ...updateListArgs(t.arg),
    },
    resolve: ({ name }, { filter, ...args }, context) =>
      updatePage(toFilter(filter, { thing: name }), args, context),
  }),
);
