import type {
  Cancellation,
  Failure,
  Update,
  UpdateRequest,
  Wait,
} from '../../shared/domain/update.ts';
import { MOST_REPLAYS } from '../../shared/domain/replay.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { ApiContext } from '../context.ts';
import { builder } from './builder.ts';
import {
  ConfirmLevelEnum,
  FailureCodeEnum,
  GateEnum,
  MilestoneEnum,
  StageEnum,
  UpdateStateEnum,
  WaitReasonEnum,
} from './enums.ts';
import { IdentityType } from './identity.ts';

/** Undefined where there is none, or its record was pruned. */
async function find(id: string | undefined, context: ApiContext): Promise<UpdateRef | undefined> {
  return id === undefined ? undefined : refTo(await context.updates.load(id));
}

/**
 * An update by its id. What a mutation just took in is known from its request; the record is read
 * only where a field needs it, so that a thousand rows that ask for ids alone read nothing.
 */
export interface UpdateRef {
  readonly id: string;
  readonly asked: UpdateRequest;
  readonly actor: string;
}

async function load({ id }: UpdateRef, context: ApiContext): Promise<Update> {
  const update = await context.updates.load(id);
  if (update !== undefined) return update;
  throw new CourierError(
    'STORE_UNAVAILABLE',
    `Redis has no record of ${id} any more.`,
    'Finished updates are kept for RETENTION_MS; if it was younger, Redis lost data.',
  );
}

const CancellationType = builder.objectRef<Cancellation>('Cancellation').implement({
  description: 'That an update was canceled.',
  fields: (t) => ({
    actor: t.exposeString('actor', { description: 'Who canceled it.' }),
    reason: t.string({
      nullable: true,
      description: 'Why, where that was said.',
      resolve: ({ reason }) => reason,
    }),
  }),
});

const WaitType = builder.objectRef<Wait>('Wait').implement({
  description: 'Why an update waits.',
  fields: (t) => ({
    reason: t.expose('reason', { type: WaitReasonEnum, description: 'The reason.' }),
    detail: t.string({
      nullable: true,
      description: 'What exactly: the budget, or the id of the update that comes first.',
      resolve: ({ detail }) => detail,
    }),
    until: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is looked at again; null where something else must happen first.',
      resolve: ({ until }) => until,
    }),
  }),
});

const FailureType = builder.objectRef<Failure>('Failure').implement({
  description: 'Why an update ended without success.',
  fields: (t) => ({
    code: t.expose('code', { type: FailureCodeEnum, description: 'The reason, for programs.' }),
    message: t.exposeString('message', { description: 'What happened, for people.' }),
    remedy: t.exposeString('remedy', { description: 'What to do about it.' }),
    stage: t.field({
      type: StageEnum,
      nullable: true,
      description: 'The step at which AWS denied it.',
      resolve: ({ denial }) => denial?.stage,
    }),
    gate: t.field({
      type: GateEnum,
      nullable: true,
      description: 'What denied it.',
      resolve: ({ denial }) => denial?.gate,
    }),
    awsCode: t.int({
      nullable: true,
      description: "The shadow service's code, for example 409.",
      resolve: ({ awsCode }) => awsCode,
    }),
  }),
});

export const UpdateType = builder.objectRef<UpdateRef>('Update');

builder.node(UpdateType, {
  description: 'One desired-state patch to one shadow, and what became of it.',
  id: {
    description: 'Its id, which is also its client token in AWS IoT.',
    resolve: ({ id }) => id,
  },
  loadMany: (ids, context) => Promise.all(ids.map((id) => find(id, context))),
  fields: (t) => ({
    identityId: t.id({
      description: 'The identity that it is published as.',
      resolve: ({ asked }) => asked.identityId,
    }),
    identity: t.field({
      type: IdentityType,
      nullable: true,
      description: 'The identity that it is published as; null where it was removed.',
      resolve: ({ asked }, _args, context) => context.identities.load(asked.identityId),
    }),
    thing: t.field({
      type: 'ThingName',
      description: 'The thing.',
      resolve: ({ asked }) => asked.thing,
    }),
    shadow: t.field({
      type: 'ShadowName',
      nullable: true,
      description: 'The named shadow; null for the classic one.',
      resolve: ({ asked }) => asked.shadow,
    }),
    desired: t.field({
      type: 'JSONObject',
      description: 'The patch: fields to set, and null for fields to remove.',
      resolve: ({ asked }) => asked.desired,
    }),
    confirm: t.field({
      type: ConfirmLevelEnum,
      description: 'The milestone at which it counts as succeeded.',
      resolve: ({ asked }) => asked.confirm,
    }),
    expectedVersion: t.int({
      nullable: true,
      description: 'The version that the shadow must have.',
      resolve: ({ asked }) => asked.expectedVersion,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'After this it must not be published any more.',
      resolve: ({ asked }) => asked.expiresAt,
    }),
    notBefore: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Before this it must not begin; null where it was to begin at once.',
      resolve: async (ref, _args, context) => (await load(ref, context)).notBefore,
    }),
    coalesce: t.boolean({
      description: 'Whether it may be merged with its neighbours into one publish.',
      resolve: ({ asked }) => asked.coalesce === true,
    }),
    carriedBy: t.field({
      type: UpdateType,
      nullable: true,
      description:
        'The update under whose token it was published, where they were merged into one publish and that is another one.',
      resolve: async (ref, _args, context) => find((await load(ref, context)).carriedBy, context),
    }),
    supersededFields: t.stringList({
      description:
        'The fields of it that a later update in the same publish set, too, as paths such as color.r or ["odd key"]. They never reached the shadow as it has them.',
      resolve: async (ref, _args, context) => [...(await load(ref, context)).supersededFields],
    }),
    replayOf: t.field({
      type: UpdateType,
      nullable: true,
      description: 'The update that it repeats; null where it repeats none, or that was pruned.',
      resolve: ({ asked }, _args, context) => find(asked.replayOf, context),
    }),
    replays: t.field({
      type: [UpdateType],
      description: `The updates that repeat it, oldest first; the newest ${MOST_REPLAYS} of more.`,
      resolve: async ({ id, asked }, _args, context) => {
        const ids = await context.gate.read(() =>
          context.reader.replaysOf({ id, groupId: asked.groupId }),
        );
        const found = await Promise.all(ids.map((one) => find(one, context)));
        return found.filter((one) => one !== undefined);
      },
    }),
    cancellation: t.field({
      type: CancellationType,
      nullable: true,
      description: 'Who canceled it, and why; null where nobody did.',
      resolve: async (ref, _args, context) => (await load(ref, context)).cancellation,
    }),
    labels: t.stringList({
      description: 'What its caller called it, to find it again.',
      resolve: ({ asked }) => [...(asked.labels ?? [])],
    }),
    actor: t.exposeString('actor', {
      description: 'Who asked: the name of the token, or of the user.',
    }),
    state: t.field({
      type: UpdateStateEnum,
      description: 'Where it stands.',
      resolve: async (ref, _args, context) => (await load(ref, context)).state,
    }),
    milestone: t.field({
      type: MilestoneEnum,
      nullable: true,
      description: 'How far it came.',
      resolve: async (ref, _args, context) => (await load(ref, context)).milestone,
    }),
    version: t.int({
      nullable: true,
      description: "The shadow's version after it was accepted.",
      resolve: async (ref, _args, context) => (await load(ref, context)).version,
    }),
    tries: t.int({
      description: 'Publishes so far.',
      resolve: async (ref, _args, context) => (await load(ref, context)).tries,
    }),
    wait: t.field({
      type: WaitType,
      nullable: true,
      description: 'Why it waits; null where it does not.',
      resolve: async (ref, _args, context) => (await load(ref, context)).wait,
    }),
    failure: t.field({
      type: FailureType,
      nullable: true,
      description: 'Why it ended without success.',
      resolve: async (ref, _args, context) => (await load(ref, context)).failure,
    }),
    maybeApplied: t.boolean({
      description:
        'True where a publish went out whose answer never came, and the update did not succeed.',
      resolve: async (ref, _args, context) => (await load(ref, context)).maybeApplied,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was accepted here.',
      resolve: async (ref, _args, context) => (await load(ref, context)).createdAt,
    }),
    publishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the broker acknowledged it.',
      resolve: async (ref, _args, context) => (await load(ref, context)).publishedAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it ended.',
      resolve: async (ref, _args, context) => (await load(ref, context)).finishedAt,
    }),
  }),
});

/** A page of updates, of whichever list. */
export const UpdateConnection = builder.connectionObject(
  {
    type: UpdateType,
    name: 'UpdateConnection',
    description: 'A page of a list of updates.',
  },
  {
    name: 'UpdateEdge',
    description: 'An update of a page, and where it stands in the list.',
  },
);

const MAX_IDS = 1000;

builder.queryFields((t) => ({
  update: t.field({
    type: UpdateType,
    authScopes: { role: 'viewer' },
    nullable: true,
    description: 'One update; null where none has the id, or its record was pruned.',
    args: { id: t.arg.id({ required: true, description: 'The id that a mutation gave.' }) },
    resolve: async (_root, { id }, context) => refTo(await context.updates.load(id)),
  }),
  updatesById: t.field({
    type: [UpdateType],
    authScopes: { role: 'viewer' },
    nullable: { list: false, items: true },
    description: `Up to ${MAX_IDS} updates, in the order of their ids; null where one is not there.`,
    args: { ids: t.arg.idList({ required: true, description: 'The ids that mutations gave.' }) },
    resolve: async (_root, { ids }, context) => {
      if (ids.length > MAX_IDS) {
        throw new CourierError(
          'TOO_MANY_UPDATES',
          `${ids.length} ids, and one query takes ${MAX_IDS}.`,
          'Ask for them in parts.',
        );
      }
      return Promise.all(ids.map(async (id) => refTo(await context.updates.load(id))));
    },
  }),
}));

export function refTo(update: Update | undefined): UpdateRef | undefined {
  return update && { id: update.id, asked: update, actor: update.actor };
}
