import type { GraphQLSchema } from 'graphql';
import type { ApiTokenRecord } from '../../shared/domain/apiToken.ts';
import { reaches, type Role } from '../../shared/domain/roles.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { isApiTokenId, tokenNotFound } from '../../shared/store/apiTokens.ts';
import { audit } from '../audit.ts';
import type { AuditedField } from '../auditedInput.ts';
import type { ApiContext } from '../context.ts';
import { requireReason } from '../input.ts';
import { perform } from '../perform.ts';
import { actionResult, ownResult } from './actionResult.ts';
import { ApiTokenType, RoleEnum } from './apiToken.ts';
import { roleNeeded } from './authorization.ts';
import { builder } from './builder.ts';
import { NEEDED_REASON_DESCRIPTION } from './reason.ts';

const DAY_MS = 86_400_000;
const USUAL_LIFE_MS = 90 * DAY_MS;
const LONGEST_LIFE_MS = 366 * DAY_MS;
const NAME = /^[\w.@:-]{1,64}$/;

const CreateApiTokenInput = builder.inputType('CreateApiTokenInput', {
  description: 'A bearer token to make.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'Who will use it: 1 to 64 of a-z, A-Z, 0-9, "_", ".", "@", ":" and "-". Its requests are recorded under this name.',
    }),
    role: t.field({ type: RoleEnum, required: true, description: 'What it may do.' }),
    operations: t.stringList({
      description:
        'The fields of Query, Mutation and Subscription that it may use, as in ["updateShadow", "update"]; all that its role may use unless given.',
    }),
    expiresAt: t.field({ type: 'DateTime', description: 'When its time is over.' }),
    expiresIn: t.field({
      type: 'Duration',
      description:
        'Instead of expiresAt: in how long, as "720h". 90 days unless given, 366 at most.',
    }),
  }),
});

interface Created {
  readonly token: ApiTokenRecord;
  readonly secret: string;
}

const CreateApiTokenSuccess = builder.objectRef<Created>('CreateApiTokenSuccess').implement({
  description: 'The token was made.',
  authScopes: { role: 'admin' },
  fields: (t) => ({
    apiToken: t.field({
      type: ApiTokenType,
      description: 'The token as it is listed.',
      resolve: ({ token }) => token,
    }),
    secret: t.exposeString('secret', {
      description:
        'What to send, as "Authorization: Bearer <this>". It is shown this once and can never be told again.',
    }),
  }),
});

/** Of a token that somebody sends in the place of its id, the audit keeps nothing. */
const ID_ALONE_KEPT: AuditedField = {
  audited: (text) => (isApiTokenId(text) ? text : '[no id]'),
};

const RevokeApiTokenInput = builder.inputType('RevokeApiTokenInput', {
  description: 'An API token to revoke.',
  fields: (t) => ({
    apiTokenId: t.id({
      required: true,
      extensions: { ...ID_ALONE_KEPT },
      description: 'The token, by its id; never the token itself.',
    }),
    reason: t.string({ required: true, description: NEEDED_REASON_DESCRIPTION }),
  }),
});

builder.mutationFields((t) => ({
  createApiToken: t.field({
    type: CreateApiTokenSuccess,
    authScopes: { role: 'admin' },
    description: 'Makes a bearer token for a program. What it is worth is in this answer only.',
    args: {
      input: t.arg({ type: CreateApiTokenInput, required: true, description: 'The token.' }),
    },
    errors: ownResult('createApiToken'),
    resolve: (_root, { input }, context, { schema }) =>
      perform(context, 'createApiToken', async () => {
        const { name, role } = input;
        if (!NAME.test(name)) throw invalid('The name has characters that it may not have.', NAMES);
        const operations = operationsOf(input.operations, role, schema);
        const expiresAt = expiryOf(input, Date.now());
        const createdBy = context.actor;
        const asked = { name, role, operations, expiresAt, createdBy };
        const { id, secret } = await context.apiTokens.create(asked);
        audit(context, { subjects: [id] });
        return { token: await found(id, context), secret };
      }),
  }),
  revokeApiToken: t.field({
    type: ApiTokenType,
    authScopes: { role: 'admin' },
    description: 'Revokes an API token for good: from now on it opens nothing, anywhere.',
    args: {
      input: t.arg({ type: RevokeApiTokenInput, required: true, description: 'The token.' }),
    },
    errors: actionResult('RevokeApiToken', 'It was revoked.', {
      name: 'apiToken',
      description: 'The token as it is listed.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'revokeApiToken', async () => {
        requireReason(input.reason);
        await context.apiTokens.revoke(input.apiTokenId, context.actor, input.reason);
        return found(input.apiTokenId, context);
      }),
  }),
}));

async function found(id: string, context: ApiContext): Promise<ApiTokenRecord> {
  const token = await context.apiTokens.find(id);
  if (token === undefined) throw tokenNotFound(id);
  return token;
}

function operationsOf(
  asked: readonly string[] | null | undefined,
  role: Role,
  schema: GraphQLSchema,
): readonly string[] | undefined {
  if (asked === null || asked === undefined) return undefined;
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const fields = new Map(roots.flatMap((root) => Object.entries(root?.getFields() ?? {})));
  const operations = [...new Set(asked)];
  for (const name of operations) {
    const field = fields.get(name);
    const needed = field && roleNeeded(field);
    if (needed !== undefined && !reaches(role, needed)) {
      throw invalid(
        `${name} needs the role ${needed}.`,
        'Give the token that role, or leave the operation out.',
      );
    }
  }
  if (operations.length > 0 && operations.every((one) => fields.has(one))) return operations;
  throw invalid(
    'An operation is no field of Query, Mutation or Subscription, or there is none.',
    'Name them as docs/roles.md lists them, or leave them out.',
  );
}

function expiryOf(
  input: {
    readonly expiresAt?: number | null | undefined;
    readonly expiresIn?: number | null | undefined;
  },
  now: number,
): number {
  const { expiresAt, expiresIn } = input;
  if (typeof expiresAt === 'number' && typeof expiresIn === 'number') {
    throw invalid('It has both expiresAt and expiresIn.', 'Give one of them.');
  }
  const end = expiresAt ?? now + (expiresIn ?? USUAL_LIFE_MS);
  if (end > now && end <= now + LONGEST_LIFE_MS) return end;
  throw invalid('It would end in the past, or live for more than 366 days.', 'Let it end sooner.');
}

const NAMES = 'Use 1 to 64 of a-z, A-Z, 0-9, "_", ".", "@", ":" and "-".';

function invalid(message: string, remedy: string): CourierError {
  return new CourierError('TOKEN_INVALID', message, remedy);
}
