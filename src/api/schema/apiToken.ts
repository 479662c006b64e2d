import {
  API_TOKEN_STATES,
  type ApiTokenRecord,
  type ApiTokenState,
  stateOf,
} from '../../shared/domain/apiToken.ts';
import { type Role, ROLES } from '../../shared/domain/roles.ts';
import { builder } from './builder.ts';
import { describedEnum } from './describedEnum.ts';
import { pageArgs, pageSize, toPage } from './page.ts';

export const RoleEnum = describedEnum<Role>('Role', {
  description: 'What a caller may do; each role may do all that those before it may.',
  values: {
    [ROLES[0]]: 'Reads.',
    [ROLES[1]]: 'Acts on what it names: updates, a batch, identities and their connections.',
    [ROLES[2]]:
      'Acts on what a filter finds, on groups and on the fleet; registers many and removes identities.',
    [ROLES[3]]: 'Decides who may do what, and changes settings.',
  },
});

const ApiTokenStateEnum = describedEnum<ApiTokenState>('ApiTokenState', {
  description: 'Whether an API token is good.',
  values: {
    [API_TOKEN_STATES[0]]: 'It is good.',
    [API_TOKEN_STATES[1]]: 'Its time is over.',
    [API_TOKEN_STATES[2]]: 'It was revoked, for good.',
  },
});

const RevocationType = builder
  .objectRef<NonNullable<ApiTokenRecord['revocation']>>('ApiTokenRevocation')
  .implement({
    description: 'That an API token was revoked.',
    fields: (t) => ({
      at: t.expose('at', { type: 'DateTime', description: 'When.' }),
      actor: t.exposeString('by', { description: 'Who did it.' }),
      reason: t.exposeString('reason', { description: 'Why.' }),
    }),
  });

export const ApiTokenType = builder.node(builder.objectRef<ApiTokenRecord>('ApiToken'), {
  description:
    'A bearer token of the API that an admin made. What it is worth was shown then, and is kept as a hash only.',
  authScopes: { role: 'admin' },
  id: { resolve: ({ id }) => id },
  loadMany: (ids, context) =>
    context.gate.read(() => Promise.all(ids.map((id) => context.apiTokens.find(id)))),
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'The name under which its requests are recorded.',
    }),
    role: t.expose('role', { type: RoleEnum, description: 'What it may do.' }),
    operations: t.stringList({
      nullable: true,
      description:
        'The fields of Query, Mutation and Subscription that it was made for; null for all that its role may use.',
      resolve: ({ operations }) => operations && [...operations],
    }),
    prefix: t.exposeString('prefix', { description: 'What it begins with, to recognise it by.' }),
    state: t.field({
      type: ApiTokenStateEnum,
      description: 'Whether it is good.',
      resolve: (token) => stateOf(token, Date.now()),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    createdBy: t.exposeString('createdBy', { description: 'Who made it.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When its time is over.' }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to the minute; null where it never was.',
      resolve: ({ lastUsedAt }) => lastUsedAt,
    }),
    revocation: t.field({
      type: RevocationType,
      nullable: true,
      description: 'Who revoked it, and why; null where nobody did.',
      resolve: ({ revocation }) => revocation,
    }),
  }),
});

const ApiTokenConnection = builder.connectionObject(
  { type: ApiTokenType, name: 'ApiTokenConnection', description: 'A page of API tokens.' },
  { name: 'ApiTokenEdge', description: 'An API token, and where it stands in the list.' },
);

builder.queryField('apiTokens', (t) =>
  t.field({
    type: ApiTokenConnection,
    authScopes: { role: 'admin' },
    description:
      'The API tokens that createApiToken made, newest first, with those that ended. Those out of API_TOKENS are not among them.',
    args: pageArgs(t.arg),
    resolve: async (_root, args, context) => {
      const size = pageSize(args);
      const { tokens, hasMore } = await context.gate.read(() =>
        context.apiTokens.page(size, args.after ?? undefined),
      );
      const edges = tokens.map((node) => ({ cursor: node.id, node }));
      return toPage(edges, args, hasMore);
    },
  }),
);
