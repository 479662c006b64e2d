import type { Caller } from '../caller.ts';
import { RoleEnum } from './apiToken.ts';
import { builder } from './builder.ts';

type Source = Caller['source'] | 'system';

const SOURCES: Readonly<Record<Source, readonly [value: string, description: string]>> = {
  'configured-token': ['CONFIGURED_TOKEN', 'A token out of API_TOKENS.'],
  'api-token': ['API_TOKEN', 'A token that createApiToken made.'],
  jwt: ['JWT', 'A token of an OpenID Connect issuer.'],
  local: ['LOCAL', 'Nothing: no authentication is configured, and the API listens here only.'],
  system: ['SYSTEM', 'The fleet itself did it.'],
};

export const CallerSourceEnum = builder.enumType('CallerSource', {
  description: 'What proved who somebody is.',
  values: Object.fromEntries(
    Object.entries(SOURCES).map(([source, [value, description]]) => [
      value,
      { value: source as Source, description },
    ]),
  ),
});

/** Of what a record names; undefined for what no record of ours has. */
export function callerSource(text: string): Source | undefined {
  return text in SOURCES ? (text as Source) : undefined;
}

const CallerType = builder.objectRef<Caller>('Caller').implement({
  description: 'Who asks.',
  fields: (t) => ({
    actor: t.exposeString('actor', {
      description: 'The name under which everything is recorded that it does.',
    }),
    role: t.expose('role', { type: RoleEnum, description: 'What it may do.' }),
    source: t.field({
      type: CallerSourceEnum,
      description: 'What proved it.',
      resolve: ({ source }) => source,
    }),
    operations: t.stringList({
      nullable: true,
      description:
        'The fields of Query, Mutation and Subscription that its token was made for; null for all that its role may use.',
      resolve: ({ operations }) => operations && [...operations],
    }),
  }),
});

builder.queryField('me', (t) =>
  t.field({
    type: CallerType,
    authScopes: { role: 'viewer' },
    description: 'Who you are here, and what you may do.',
    resolve: (_root, _args, { caller }) => caller,
  }),
);
