import type { Identity } from '../../shared/domain/identity.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { audit } from '../audit.ts';
import type { ApiContext } from '../context.ts';
import { costs } from '../limits/fieldCost.ts';
import { perform } from '../perform.ts';
import { ownResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { toRegistration, userFields, type UserInput } from './cognitoUser.ts';
import { describedEnum } from './describedEnum.ts';
import {
  eachRow,
  type IdentityRow,
  MAX_IDENTITIES,
  refusedField,
  requireFewIdentities,
  rowFields,
} from './identityRow.ts';

const OnExistingEnum = describedEnum('OnExistingIdentity', {
  description: 'What happens with a username that is registered already.',
  values: {
    KEEP: 'Its row answers the identity as it is, so that a request can be repeated. Its secret, label and tags stay, and the secret is not compared: that would let a caller guess passwords.',
    REFUSE: 'Its row is refused as IDENTITY_EXISTS.',
  },
});

const RegisterIdentitiesRowInput = builder.inputType('RegisterIdentitiesRowInput', {
  description: 'One Cognito user of many.',
  fields: (t) => ({
    ...userFields(t, 'Instead of the password: a refresh token of the user pool.'),
  }),
});

const RegisterIdentitiesInput = builder.inputType('RegisterIdentitiesInput', {
  description: 'Cognito users to publish as.',
  fields: (t) => ({
    identities: t.field({
      type: [RegisterIdentitiesRowInput],
      required: true,
      description: `Up to ${MAX_IDENTITIES} users.`,
    }),
    onExisting: t.field({
      type: OnExistingEnum,
      defaultValue: 'KEEP',
      description: 'What happens with those that are registered already.',
    }),
  }),
});

interface Row extends IdentityRow {
  readonly created?: boolean;
}

const RowType = builder.objectRef<Row>('RegisterIdentitiesRow').implement({
  description: 'What became of one row: an identity, or an error.',
  fields: (t) => ({
    ...rowFields(t, 'The identity, where the row was taken.'),
    created: t.boolean({
      description: 'Whether this request registered it; false for one that there was before.',
      resolve: ({ created }) => created === true,
    }),
  }),
});

const SuccessType = builder
  .objectRef<{ readonly rows: readonly Row[] }>('RegisterIdentitiesSuccess')
  .implement({
    description: 'The request was taken; its rows say which of them were.',
    fields: (t) => ({
      rows: t.field({
        type: [RowType],
        extensions: costs({ answersRows: true }),
        description: 'A row for each user, in their order.',
        resolve: ({ rows }) => rows,
      }),
      created: t.int({
        description: 'How many were registered.',
        resolve: ({ rows }) => rows.filter(({ created }) => created === true).length,
      }),
      refused: refusedField(t),
    }),
  });

builder.mutationField('registerIdentities', (t) =>
  t.field({
    type: SuccessType,
    authScopes: { role: 'approver' },
    description: `Registers up to ${MAX_IDENTITIES} Cognito users and asks the fleet to sign them in. A row that is refused says why, and the others go on.`,
    args: {
      input: t.arg({ type: RegisterIdentitiesInput, required: true, description: 'The users.' }),
    },
    errors: ownResult('registerIdentities'),
    resolve: (_root, { input }, context) =>
      perform(context, 'registerIdentities', async () => {
        const users: readonly UserInput[] = input.identities;
        requireFewIdentities(users.length);
        const firsts = firstOfEach(users);
        const keep = input.onExisting !== 'REFUSE';
        const rows = await eachRow(users, 'registerIdentities', context, (user, index) => {
          const first = firsts.get(user.username) ?? index;
          if (first !== index) throw repeated(user.username, first);
          return register(user, keep, context);
        });
        audit(context, { subjects: rows.flatMap(({ identity }) => identity?.id ?? []) });
        return { rows };
      }),
  }),
);

function firstOfEach(users: readonly UserInput[]): ReadonlyMap<string, number> {
  const firsts = new Map<string, number>();
  for (const [index, { username }] of users.entries()) {
    if (!firsts.has(username)) firsts.set(username, index);
  }
  return firsts;
}

async function register(
  user: UserInput,
  keep: boolean,
  context: ApiContext,
): Promise<{ readonly identity: Identity; readonly created: boolean }> {
  const registration = toRegistration(user);
  try {
    return { identity: await context.directory.register(registration), created: true };
  } catch (error) {
    if (!(keep && error instanceof CourierError && error.code === 'IDENTITY_EXISTS')) throw error;
    const identity = await context.directory.findByUsername(registration.username);
    if (identity === undefined) throw error;
    return { identity, created: false };
  }
}

function repeated(username: string, first: number): CourierError {
  return new CourierError(
    'IDENTITY_EXISTS',
    `${username} is in row ${first} of this request already.`,
    'Name each user once.',
  );
}
