import { isIdentityId } from '../../shared/domain/ids.ts';
import type { Denial } from '../../shared/domain/denial.ts';
import { isObject, type JsonObject } from '../../shared/domain/desired.ts';
import type { LiveShadow } from '../../shared/domain/liveShadow.ts';
import type { Gate, Stage } from '../../shared/domain/sets.ts';
import { type ShadowRef, shadowNameProblem, thingNameProblem } from '../../shared/domain/shadow.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { identityNotFound } from '../../shared/store/updateIntake.ts';
import type { ShadowReadOutcome } from '../../shared/store/shadowReads.ts';
import type { ApiContext } from '../context.ts';
import { builder } from './builder.ts';
import { GateEnum, StageEnum } from './enums.ts';
import { ErrorInterface } from './error.ts';
import { IdentityType } from './identity.ts';

interface ReadShadow extends ShadowRef {
  readonly identityId: string;
  readonly found: LiveShadow;
}

/** AWS refused what was asked, for the identity: with what refused it. */
class AccessDeniedError extends CourierError {
  readonly stage: Stage;
  readonly gate: Gate;

  constructor({ stage, gate, message, remedy }: Denial) {
    super('NOT_AUTHORIZED', message, remedy);
    this.stage = stage;
    this.gate = gate;
  }
}

builder.objectType(AccessDeniedError, {
  name: 'AccessDenied',
  description: 'AWS refused it for this identity.',
  interfaces: [ErrorInterface],
  isTypeOf: (value) => value instanceof AccessDeniedError,
  fields: (t) => ({
    stage: t.expose('stage', { type: StageEnum, description: 'The step that was refused.' }),
    gate: t.expose('gate', { type: GateEnum, description: 'What refused it.' }),
  }),
});

const section = (value: unknown): JsonObject | undefined =>
  isObject(value) ? (value as JsonObject) : undefined;

const ShadowType = builder.objectRef<ReadShadow>('Shadow').implement({
  description: 'A shadow as it was when it was read.',
  fields: (t) => ({
    identity: t.field({
      type: IdentityType,
      nullable: true,
      description: 'The identity through whose connection it was read.',
      resolve: ({ identityId }, _args, context) => context.identities.load(identityId),
    }),
    thing: t.expose('thing', { type: 'ThingName', description: 'The thing.' }),
    shadow: t.field({
      type: 'ShadowName',
      nullable: true,
      description: 'The named shadow; null for the classic one.',
      resolve: ({ shadow }) => shadow,
    }),
    version: t.int({
      description: 'Its version: give it as expectedVersion to update only what was read.',
      resolve: ({ found }) => found.version,
    }),
    desired: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'What the device should become; null where nothing is desired.',
      resolve: ({ found }) => section(found.desired),
    }),
    reported: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'What the device said that it is; null where it said nothing.',
      resolve: ({ found }) => section(found.reported),
    }),
    delta: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'Where desired differs from reported; null where it does not.',
      resolve: ({ found }) => section(found.delta),
    }),
    metadata: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'Of each field, when it was last changed, in seconds since 1970.',
      resolve: ({ found }) => section(found.metadata),
    }),
    readAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: "When the shadow service answered, to the second, by AWS's clock.",
      resolve: ({ found }) => (found.timestamp === undefined ? undefined : found.timestamp * 1000),
    }),
  }),
});

builder.queryField('shadow', (t) =>
  t.field({
    type: ShadowType,
    authScopes: { role: 'operator' },
    description:
      "Reads a shadow through the identity's connection, which opens for it. The answer is the shadow service's own of this moment; nothing of it is kept.",
    args: {
      identityId: t.arg.id({ required: true, description: 'The identity to read as.' }),
      thing: t.arg({ type: 'ThingName', required: true, description: 'The thing.' }),
      shadow: t.arg({
        type: 'ShadowName',
        description: 'A named shadow; leave it out for the classic one.',
      }),
    },
    errors: {
      types: [AccessDeniedError, CourierError],
      directResult: true,
      union: { name: 'ShadowResult', description: 'What reading a shadow answers.' },
    },
    resolve: async (_root, { identityId, thing, shadow }, context): Promise<ReadShadow> => {
      const ref = { thing, shadow: shadow ?? undefined };
      const problem = nameProblem(identityId, ref);
      if (problem !== undefined) throw problem;
      return { identityId, ...ref, found: await read(identityId, ref, context) };
    },
  }),
);

function nameProblem(identityId: string, { thing, shadow }: ShadowRef): CourierError | undefined {
  if (!isIdentityId(identityId)) return identityNotFound(identityId);
  const ofThing = thingNameProblem(thing);
  if (ofThing !== undefined) {
    return new CourierError('THING_NAME_INVALID', ofThing, 'Correct the thing name.');
  }
  const ofShadow = shadow === undefined ? undefined : shadowNameProblem(shadow);
  if (ofShadow === undefined) return undefined;
  return new CourierError('SHADOW_NAME_INVALID', ofShadow, 'Correct the shadow name.');
}

async function read(identityId: string, ref: ShadowRef, context: ApiContext): Promise<LiveShadow> {
  const outcome = await context.gate.read(() =>
    context.shadowReads.read(identityId, ref, context.signal),
  );
  if (outcome.kind === 'shadow') return outcome.shadow;
  throw refusal(outcome, identityId);
}

function refusal(
  outcome: Exclude<ShadowReadOutcome, { readonly kind: 'shadow' }>,
  identityId: string,
): CourierError {
  switch (outcome.kind) {
    case 'denied':
      return new AccessDeniedError(outcome.denial);
    case 'missing':
      return new CourierError(
        'SHADOW_NOT_FOUND',
        `The shadow service has no such shadow: ${outcome.why}`,
        'Correct the names; a shadow comes into being with its first update.',
      );
    case 'refused':
      return new CourierError(
        'SHADOW_NOT_READ',
        `The shadow could not be read: ${outcome.why}`,
        'Look at the message; if it is not about your request, look at the health of AWS IoT.',
      );
    case 'later':
      return new CourierError(
        'SHADOW_READ_TIMED_OUT',
        `The shadow could not be read in time: ${outcome.why}`,
        'Ask again; if it stays, look at the connection of the identity.',
      );
    case 'no-identity':
      return identityNotFound(identityId);
    case 'no-owner':
      return new CourierError(
        'NO_OWNER',
        "No worker holds the identity's shard, so nobody can read for it.",
        'Start a worker; after a crash another one takes over within LEASE_MS.',
      );
    default:
      return outcome satisfies never;
  }
}
