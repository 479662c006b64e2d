import type { JsonObject } from '../../shared/domain/desired.ts';
import type { UpdateRequest } from '../../shared/domain/update.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { requestProblem } from '../../shared/store/requestProblem.ts';
import type { IntakeRow } from '../../shared/store/updateIntake.ts';
import { audit } from '../audit.ts';
import { namesSubject } from '../auditedInput.ts';
import type { ApiContext } from '../context.ts';
import { idempotencyKeyProblem, labelProblem } from '../input.ts';
import { endedWithin } from '../inlineWait.ts';
import { targeted } from '../updateTarget.ts';
import { costs } from '../limits/fieldCost.ts';
import { perform } from '../perform.ts';
import { ownResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { BatchType } from './batch.ts';
import { ConfirmLevelEnum, ErrorPolicyEnum } from './enums.ts';
import { type ErrorData, errorData, ErrorInterface } from './error.ts';
import { type UpdateRef, UpdateType } from './update.ts';

const MAX_ROWS = 1000;

export const KEY_DESCRIPTION =
  'Up to 255 characters that name this request. The same key with the same body gives the same answer again and never sends twice; keep it until you have an answer.';

export const WAIT_DESCRIPTION =
  'Up to how long the answer waits for the end of what it accepted, for example 5s (API_MAX_WAIT_MS at most). What has not ended by then is answered as it stands.';

interface UpdateFields {
  readonly identityId?: string | null | undefined;
  readonly group?: string | null | undefined;
  readonly thing: string;
  readonly shadow?: string | null | undefined;
  readonly desired?: unknown;
  readonly confirm?: UpdateRequest['confirm'] | null | undefined;
  readonly expectedVersion?: number | null | undefined;
  readonly expiresAt?: number | null | undefined;
  readonly notBefore?: number | null | undefined;
  readonly delay?: number | null | undefined;
  readonly coalesce?: boolean | null | undefined;
  readonly labels?: readonly string[] | null | undefined;
}

const updateFields = (t: Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0]) => ({
  identityId: t.id({ description: 'The identity to publish as; or name a group.' }),
  group: t.string({
    description:
      'Instead of an identity: a group, by its name or its id, one member of which publishes it; for one thing always the same.',
    extensions: namesSubject(),
  }),
  thing: t.field({ type: 'ThingName', required: true, description: 'The thing.' }),
  shadow: t.field({
    type: 'ShadowName',
    description: 'A named shadow; leave it out for the classic one.',
  }),
  desired: t.field({
    type: 'JSONObject',
    required: true,
    description:
      'What the device should become, for example {"power":"OFF"}: what AWS calls state.desired. null removes a field.',
  }),
  confirm: t.field({
    type: ConfirmLevelEnum,
    defaultValue: 'ACCEPTED',
    description: 'The milestone at which it counts as succeeded.',
  }),
  expectedVersion: t.int({
    description: 'The version that the shadow must have; otherwise it ends as VERSION_CONFLICT.',
  }),
  expiresAt: t.field({
    type: 'DateTime',
    description: 'After this it must not be published any more; it ends as EXPIRED.',
  }),
  notBefore: t.field({
    type: 'DateTime',
    description:
      'It must not begin before this; until then it waits as SCHEDULED, and what comes later goes before it. A time that has passed is at once.',
  }),
  delay: t.field({
    type: 'Duration',
    description:
      'The same as a length of time, for example 5m: it begins when the request is stored. Instead of notBefore.',
  }),
  coalesce: t.boolean({
    defaultValue: false,
    description:
      'It may be merged, field by field, with its neighbours that allow it too into one publish. One with expectedVersion or expiresAt goes alone all the same.',
  }),
  labels: t.stringList({
    description:
      'What to find it by later: up to 10, each of 1 to 64 letters, digits and _ . : / = @ + -',
  }),
});

const UpdateShadowInput = builder.inputType('UpdateShadowInput', {
  description: 'A patch to the desired state of one shadow.',
  fields: (t) => ({
    ...updateFields(t),
    wait: t.field({ type: 'Duration', description: WAIT_DESCRIPTION }),
    idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
  }),
});

const UpdateShadowsRowInput = builder.inputType('UpdateShadowsRowInput', {
  description: 'One update of many.',
  fields: (t) => updateFields(t),
});

const UpdateShadowsInput = builder.inputType('UpdateShadowsInput', {
  description: 'Patches to the desired state of many shadows.',
  fields: (t) => ({
    updates: t.field({
      type: [UpdateShadowsRowInput],
      required: true,
      description: `1 to ${MAX_ROWS} updates. Those to one shadow are published in this order.`,
    }),
    label: t.string({ description: 'What the batch is called: 1 to 128 characters.' }),
    onError: t.field({
      type: ErrorPolicyEnum,
      defaultValue: 'SKIP_INVALID',
      description:
        'What happens to sound rows where another one is not. With REJECT_ALL all rows are accepted or none, over all shards and whatever crashes.',
    }),
    wait: t.field({ type: 'Duration', description: WAIT_DESCRIPTION }),
    idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
  }),
});

function toRequest(fields: UpdateFields): UpdateRequest {
  return {
    identityId: fields.identityId ?? '',
    ...(typeof fields.group === 'string' ? { groupId: fields.group } : {}),
    thing: fields.thing,
    shadow: fields.shadow ?? undefined,
    // Not known to be an object yet: `requestProblem` looks at it before anything is stored.
    desired: fields.desired as JsonObject,
    confirm: fields.confirm ?? 'ACCEPTED',
    expectedVersion: fields.expectedVersion ?? undefined,
    expiresAt: fields.expiresAt ?? undefined,
    notBefore: fields.notBefore ?? undefined,
    delayMs: fields.delay ?? undefined,
    ...(fields.coalesce === true ? { coalesce: true } : {}),
    ...(fields.labels?.length ? { labels: fields.labels } : {}),
  };
}

/** Checks and takes in; an answer for each request. @throws what is wrong with all of them. */
export async function accept(
  requests: readonly UpdateRequest[],
  idempotencyKey: string | undefined,
  context: ApiContext,
): Promise<readonly IntakeRow[]> {
  const { checked, options } = await checkedRequests(requests, idempotencyKey, context);
  return context.intake.accept(checked, options);
}

async function checkedRequests(
  requests: readonly UpdateRequest[],
  idempotencyKey: string | undefined,
  context: ApiContext,
) {
  const problem = idempotencyKeyProblem(idempotencyKey);
  if (problem !== undefined) throw problem;
  const targets = await targeted(requests, context);
  const check = (request: UpdateRequest, at: number, index: number) =>
    targets[index]?.problem ?? requestProblem(request, context.limits, at);
  return {
    checked: targets.map(({ request }) => request),
    options: { actor: context.actor, idempotencyKey, check },
  };
}

interface Row {
  readonly index: number;
  readonly update?: UpdateRef;
  readonly error?: ErrorData;
}

const RowType = builder.objectRef<Row>('UpdateShadowsRow').implement({
  description: 'What became of one row: an update, or an error.',
  fields: (t) => ({
    index: t.exposeInt('index', { description: 'Its place in the request, from 0.' }),
    update: t.field({
      type: UpdateType,
      nullable: true,
      description: 'The update, where the row was accepted.',
      resolve: ({ update }) => update,
    }),
    error: t.field({
      type: ErrorInterface,
      nullable: true,
      description: 'What is wrong, where the row was refused.',
      resolve: ({ error }) => error,
    }),
  }),
});

const UpdateShadowsSuccess = builder
  .objectRef<{ readonly batchId: string | undefined; readonly rows: readonly Row[] }>(
    'UpdateShadowsSuccess',
  )
  .implement({
    description: 'The request was taken; its rows say which of them were.',
    fields: (t) => ({
      batch: t.field({
        type: BatchType,
        nullable: true,
        description: 'What was accepted, as a whole; null where nothing was.',
        resolve: ({ batchId }, _args, context) =>
          batchId === undefined ? null : context.gate.read(() => context.batches.find(batchId)),
      }),
      rows: t.field({
        type: [RowType],
        extensions: costs({ answersRows: true }),
        description: 'A row for each update, in their order.',
        resolve: ({ rows }) => rows,
      }),
      accepted: t.int({
        description: 'How many rows were accepted.',
        resolve: ({ rows }) => rows.filter(({ error }) => error === undefined).length,
      }),
      refused: t.int({
        description: 'How many rows were refused.',
        resolve: ({ rows }) => rows.filter(({ error }) => error !== undefined).length,
      }),
    }),
  });

builder.mutationFields((t) => ({
  updateShadow: t.field({
    type: UpdateType,
    authScopes: { role: 'operator' },
    description:
      "Accepts a patch to a shadow's desired state and publishes it as the identity. The answer comes once it is stored, or with its end where `wait` is given; follow it by `updateEvents`, or by the `update` query.",
    args: {
      input: t.arg({ type: UpdateShadowInput, required: true, description: 'The patch.' }),
    },
    errors: {
      types: [CourierError],
      directResult: false,
      union: { name: 'UpdateShadowResult', description: 'What updateShadow answers.' },
      result: { name: 'UpdateShadowSuccess', description: 'The update was accepted.' },
      dataField: { name: 'update', description: 'The update.' },
    },
    resolve: (_root, { input }, context) => {
      const take = async (): Promise<UpdateRef> => {
        const asked = toRequest(input);
        const [row] = await accept([asked], input.idempotencyKey ?? undefined, context);
        if (row?.taken !== true) throw row?.error ?? new TypeError('a request without its row');
        return refOf(row, asked, context);
      };
      const taking = () => perform(context, 'updateShadow', take);
      return endedWithin(context, input.wait, taking, ({ id }) => [id]);
    },
  }),
  updateShadows: t.field({
    type: UpdateShadowsSuccess,
    authScopes: { role: 'operator' },
    description: `Accepts up to ${MAX_ROWS} patches at once. A row that is refused says why, and the others go on unless \`onError\` says otherwise.`,
    args: {
      input: t.arg({ type: UpdateShadowsInput, required: true, description: 'The patches.' }),
    },
    errors: ownResult('updateShadows'),
    resolve: (_root, { input }, context) => {
      const take = async () => {
        const wrong = sizeProblem(input.updates.length);
        if (wrong !== undefined) throw wrong;
        const label = input.label ?? undefined;
        const badLabel = labelProblem(label);
        if (badLabel !== undefined) throw badLabel;
        const requests = input.updates.map(toRequest);
        const key = input.idempotencyKey ?? undefined;
        const { checked, options } = await checkedRequests(requests, key, context);
        const onError = input.onError ?? 'SKIP_INVALID';
        const taken = await context.batchIntake.accept(checked, { ...options, label, onError });
        if (taken.batchId !== undefined) audit(context, { subjects: [taken.batchId] });
        return {
          batchId: taken.batchId,
          rows: requests.map((asked, index) => {
            const given = input.updates[index];
            return toRow({ asked, given, index }, taken.rows, context);
          }),
        };
      };
      const taking = () => perform(context, 'updateShadows', take);
      const idsOf = ({ rows }: { readonly rows: readonly Row[] }) =>
        rows.flatMap(({ update }) => update?.id ?? []);
      return endedWithin(context, input.wait, taking, idsOf);
    },
  }),
}));

/** What was just taken in is known from its request, and from who sends it. */
export function refOf(
  { updateId, identityId }: Extract<IntakeRow, { taken: true }>,
  asked: UpdateRequest,
  { actor }: Pick<ApiContext, 'actor'>,
): UpdateRef {
  return { id: updateId, asked: { ...asked, identityId }, actor };
}

function sizeProblem(rows: number): CourierError | undefined {
  if (rows === 0) {
    return new CourierError(
      'NO_UPDATES',
      'The list of updates is empty.',
      `Send 1 to ${MAX_ROWS} updates.`,
    );
  }
  if (rows <= MAX_ROWS) return undefined;
  return new CourierError(
    'TOO_MANY_UPDATES',
    `${rows} updates, and one mutation takes ${MAX_ROWS}.`,
    'Send them in parts, each with an idempotency key of its own.',
  );
}

interface Asked {
  readonly asked: UpdateRequest;
  /** As the input has it. */
  readonly given: unknown;
  readonly index: number;
}

function toRow(
  { asked, given, index }: Asked,
  taken: readonly IntakeRow[],
  context: ApiContext,
): Row {
  const row = taken[index];
  const code = row?.taken === false ? row.error.code : 'ACCEPTED';
  context.metrics.rows.inc({ mutation: 'updateShadows', code });
  if (row === undefined) throw new TypeError('a request without its row');
  if (!row.taken) return { index, error: errorData(row.error, given) };
  return { index, update: refOf(row, asked, context) };
}
