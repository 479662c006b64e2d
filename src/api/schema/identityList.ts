import { IDENTITY_STATUSES, type IdentityStatus } from '../../shared/domain/sets.ts';
import { tagsProblem } from '../../shared/domain/tags.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { IdentityFilter } from '../../shared/store/identityIndex.ts';
import type { ApiContext } from '../context.ts';
import { costs } from '../limits/fieldCost.ts';
import { builder } from './builder.ts';
import { IdentityStatusEnum } from './enums.ts';
import { IdentityType } from './identity.ts';
import { type PageArgs, pageArgs, pageSize, toPage } from './page.ts';

const MAX_TEXT = 128;

export const IdentityConnection = builder.connectionObject(
  {
    type: IdentityType,
    name: 'IdentityConnection',
    description: 'A page of a list of identities.',
  },
  { name: 'IdentityEdge', description: 'An identity of a page, and where it stands in the list.' },
);

const IdentityFilterInput = builder.inputType('IdentityFilter', {
  description: 'What identities must be to be listed; what is left out may be anything.',
  fields: (t) => ({
    status: t.field({ type: IdentityStatusEnum, description: 'Where they stand.' }),
    tag: t.string({ description: 'A tag that they carry.' }),
    group: t.string({ description: 'The name, or id, of a group that they are members of.' }),
    username: t.string({
      description:
        'How their username begins, whatever the case of its letters; the list is in the order of usernames then.',
    }),
    label: t.string({
      description: 'How their label begins; the list is in the order of labels then.',
    }),
  }),
});

interface FilterFields {
  readonly status?: IdentityStatus | null | undefined;
  readonly tag?: string | null | undefined;
  readonly group?: string | null | undefined;
  readonly username?: string | null | undefined;
  readonly label?: string | null | undefined;
}

/** @throws TAGS_INVALID, FILTER_INVALID, GROUP_NOT_FOUND */
async function toFilter(
  fields: FilterFields | null | undefined,
  context: ApiContext,
): Promise<IdentityFilter> {
  const { status, tag, group, username, label } = fields ?? {};
  const problem = typeof tag === 'string' ? tagsProblem([tag]) : undefined;
  if (problem !== undefined) throw problem;
  const unsound = [username, label].some((text) => typeof text === 'string' && !isSound(text));
  if (unsound) {
    throw new CourierError(
      'FILTER_INVALID',
      `What is searched for has at most ${MAX_TEXT} characters, and no control characters.`,
      'Shorten it.',
    );
  }
  return {
    status: status ?? undefined,
    tag: tag ?? undefined,
    groupId: typeof group === 'string' ? (await context.groups.require(group)).id : undefined,
    username: username ?? undefined,
    label: label ?? undefined,
  };
}

function isSound(text: string): boolean {
  return text.length <= MAX_TEXT && text.isWellFormed() && !/\p{Cc}/u.test(text);
}

/** A page of the identities that fit. @throws PAGE_INVALID */
export async function identityPage(filter: IdentityFilter, args: PageArgs, context: ApiContext) {
  const size = pageSize(args);
  const page = await context.gate.read(() =>
    context.identityIndex.page(filter, size, args.after ?? undefined, context.signal),
  );
  const found = await Promise.all(page.hits.map(({ id }) => context.identities.load(id)));
  const edges = page.hits.flatMap(({ cursor }, at) => {
    const node = found[at];
    return node === undefined ? [] : [{ cursor, node }];
  });
  return toPage(edges, args, page.next !== undefined, page.next ?? page.hits.at(-1)?.cursor);
}

interface StatusCount {
  readonly status: IdentityStatus;
  readonly count: number;
}

const StatusCountType = builder.objectRef<StatusCount>('IdentityStatusCount').implement({
  description: 'How many identities stand there.',
  fields: (t) => ({
    status: t.expose('status', { type: IdentityStatusEnum, description: 'Where.' }),
    count: t.exposeInt('count', { description: 'How many.' }),
  }),
});

const TagCountType = builder
  .objectRef<{ readonly tag: string; readonly count: number }>('IdentityTagCount')
  .implement({
    description: 'How many identities carry a tag.',
    fields: (t) => ({
      tag: t.exposeString('tag', { description: 'The tag.' }),
      count: t.exposeInt('count', { description: 'How many.' }),
    }),
  });

const MAX_TAGS_LISTED = 1000;

builder.queryFields((t) => ({
  identities: t.field({
    type: IdentityConnection,
    authScopes: { role: 'viewer' },
    extensions: costs({ filtered: 50 }),
    description:
      'The identities that fit, newest first, or by their letters where text is searched. A page whose search has looked at as many as it may is shorter than asked for, and goes on all the same.',
    args: {
      filter: t.arg({ type: IdentityFilterInput, description: 'Which; all unless given.' }),
      ...pageArgs(t.arg),
    },
    resolve: async (_root, { filter, ...args }, context) =>
      identityPage(await context.gate.read(() => toFilter(filter, context)), args, context),
  }),
  identityCounts: t.field({
    type: [StatusCountType],
    authScopes: { role: 'viewer' },
    description: 'How many identities there are by where they stand.',
    args: {
      tag: t.arg.string({ description: 'Only those that carry this tag.' }),
      group: t.arg.string({ description: 'Only the members of this group, by its name or id.' }),
    },
    resolve: (_root, args, context) =>
      context.gate.read(async () => {
        const counts = await context.identityIndex.counts(await toFilter(args, context));
        return IDENTITY_STATUSES.map((status) => ({ status, count: counts.get(status) ?? 0 }));
      }),
  }),
  identityTags: t.field({
    type: [TagCountType],
    authScopes: { role: 'viewer' },
    description: `The tags in use, the most used first, up to ${MAX_TAGS_LISTED} of them.`,
    resolve: async (_root, _args, context) => {
      const tags = await context.gate.read(() => context.identityIndex.tags());
      return tags.slice(0, MAX_TAGS_LISTED).map(([tag, count]) => ({ tag, count }));
    },
  }),
}));
