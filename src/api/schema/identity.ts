import type { ConnectionView, Identity, Quarantine } from '../../shared/domain/identity.ts';
import { audit } from '../audit.ts';
import { perform } from '../perform.ts';
import { allowReason, secretOf } from '../input.ts';
import { actionResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { toRegistration, userFields } from './cognitoUser.ts';
import {
  ConnectionStateEnum,
  DisconnectKindEnum,
  GateEnum,
  IdentityStatusEnum,
  StageEnum,
} from './enums.ts';
import { REASON_DESCRIPTION } from './reason.ts';

const QuarantineType = builder.objectRef<Quarantine>('Quarantine').implement({
  description: 'Why an identity is parked, and what ends it.',
  fields: (t) => ({
    stage: t.field({
      type: StageEnum,
      description: 'The step at which it was denied.',
      resolve: ({ denial }) => denial.stage,
    }),
    gate: t.field({
      type: GateEnum,
      description: 'What denied it.',
      resolve: ({ denial }) => denial.gate,
    }),
    message: t.string({
      description: "What was denied, in AWS's words where it gave any.",
      resolve: ({ denial }) => denial.message,
    }),
    remedy: t.string({
      description: 'What to change, and where.',
      resolve: ({ denial }) => denial.remedy,
    }),
    since: t.expose('since', { type: 'DateTime', description: 'When it was parked.' }),
    probeAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the next probe is due; null where only an operator can end it.',
      resolve: ({ probeAt }) => probeAt,
    }),
    probes: t.exposeInt('probes', { description: 'Probes so far that were denied as well.' }),
  }),
});

const MqttConnectionType = builder.objectRef<ConnectionView>('MqttConnection').implement({
  description: "An identity's MQTT connection, as the worker that owns it last reported it.",
  fields: (t) => ({
    state: t.expose('state', { type: ConnectionStateEnum, description: 'Its state.' }),
    worker: t.exposeString('worker', { description: 'The worker that owns it.' }),
    epoch: t.string({
      description: 'The fencing epoch of the lease under which the worker owns it.',
      resolve: ({ epoch }) => String(epoch),
    }),
    connectedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when it is connected.',
      resolve: ({ connectedAt }) => connectedAt,
    }),
    credentialsExpireAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its temporary credentials expire; a live connection survives that.',
      resolve: ({ credentialsExpireAt }) => credentialsExpireAt,
    }),
    recycleAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it will be renewed, ahead of the cut that AWS makes after 24 hours.',
      resolve: ({ recycleAt }) => recycleAt,
    }),
    lastDisconnect: t.string({
      nullable: true,
      description: 'Why it was last interrupted.',
      resolve: ({ lastDisconnect }) => lastDisconnect,
    }),
    lastDisconnectKind: t.field({
      type: DisconnectKindEnum,
      nullable: true,
      description: 'The class of that.',
      resolve: ({ lastDisconnectKind }) => lastDisconnectKind,
    }),
    inFlight: t.exposeInt('inFlight', {
      description: 'Publishes that wait for their answer, as of the last report.',
    }),
    fights: t.exposeInt('fights', {
      description:
        'How often somebody else took the client id since this worker owns it: above 0, another program connects as this identity.',
    }),
  }),
});

export const IdentityType = builder.node(builder.objectRef<Identity>('Identity'), {
  id: { resolve: ({ id }) => id },
  loadMany: (ids, context) => Promise.all(ids.map((id) => context.identities.load(id))),
  description: 'A Cognito user that updates are published as.',
  fields: (t) => ({
    username: t.exposeString('username', { description: 'The username in the user pool.' }),
    label: t.string({
      nullable: true,
      description: 'What it is called, beside its username.',
      resolve: ({ label }) => label,
    }),
    tags: t.stringList({
      description: 'Its tags, in the order of their letters.',
      resolve: ({ tags }) => [...tags],
    }),
    status: t.expose('status', { type: IdentityStatusEnum, description: 'Where it stands.' }),
    cognitoId: t.string({
      nullable: true,
      description:
        'The Cognito identity id, which is also the MQTT client id; known after the first sign-in.',
      resolve: ({ cognitoId }) => cognitoId,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was registered.' }),
    attachedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the IoT policy was attached to it.',
      resolve: ({ attachedAt }) => attachedAt,
    }),
    shard: t.exposeInt('shard', {
      description:
        'The number of its shard, by which `fleet`, `moveShard` and `pauseUpdates` name it; it stays.',
    }),
    quarantine: t.field({
      type: QuarantineType,
      nullable: true,
      description: 'Why it is parked; null while nothing denies it.',
      resolve: ({ quarantine }) => quarantine,
    }),
    connection: t.field({
      type: MqttConnectionType,
      nullable: true,
      description: 'Its MQTT connection; null where there never was one.',
      resolve: (identity, _args, context) => context.connections.load(identity),
    }),
    pendingUpdates: t.int({
      description: 'Its updates that have not ended yet.',
      resolve: (identity, _args, context) =>
        context.gate.read(() => context.directory.pending(identity)),
    }),
  }),
});

builder.queryFields((t) => ({
  identity: t.field({
    type: IdentityType,
    authScopes: { role: 'viewer' },
    nullable: true,
    description: 'One identity; null where none has the id.',
    args: { id: t.arg.id({ required: true, description: 'The id that registerIdentity gave.' }) },
    resolve: (_root, { id }, context) => context.identities.load(id),
  }),
  identityByUsername: t.field({
    type: IdentityType,
    authScopes: { role: 'viewer' },
    nullable: true,
    description: 'The identity that a Cognito user is registered as; null where it is not.',
    args: { username: t.arg.string({ required: true, description: 'The username.' }) },
    resolve: (_root, { username }, context) =>
      context.gate.read(() => context.directory.findByUsername(username)),
  }),
}));

const RegisterIdentityInput = builder.inputType('RegisterIdentityInput', {
  description: 'A Cognito user to publish as.',
  fields: (t) => ({
    ...userFields(
      t,
      'Instead of the password: a refresh token that the user pool issued to the app client of the workers. The identity is good as long as the token is.',
    ),
  }),
});

const ReplaceIdentitySecretInput = builder.inputType('ReplaceIdentitySecretInput', {
  description: 'Another password, or refresh token, for an identity.',
  fields: (t) => ({
    identityId: t.id({ required: true, description: 'The identity.' }),
    password: t.field({
      type: 'Secret',
      description: 'The password that the user pool takes from now on.',
    }),
    refreshToken: t.field({
      type: 'Secret',
      description: 'Instead of the password: a refresh token that is good from now on.',
    }),
  }),
});

const ReleaseIdentityInput = builder.inputType('ReleaseIdentityInput', {
  description: 'An identity to release.',
  fields: (t) => ({
    identityId: t.id({ required: true, description: 'The identity.' }),
    reason: t.string({ description: REASON_DESCRIPTION }),
  }),
});

/** How a mutation's answer is named: `<Name>Success { identity }` or an error. */
const identityResult = (name: string) =>
  actionResult(name, 'It was done.', {
    name: 'identity',
    description: 'The identity as it stands now.',
  });

builder.mutationFields((t) => ({
  registerIdentity: t.field({
    type: IdentityType,
    authScopes: { role: 'operator' },
    description:
      'Registers a Cognito user as an identity and asks the fleet to sign it in, so that a wrong secret shows in its quarantine before the first update.',
    args: {
      input: t.arg({ type: RegisterIdentityInput, required: true, description: 'The user.' }),
    },
    errors: identityResult('RegisterIdentity'),
    resolve: (_root, { input }, context) =>
      perform(context, 'registerIdentity', async () =>
        context.directory.register(toRegistration(input)),
      ),
  }),
  replaceIdentitySecret: t.field({
    type: IdentityType,
    authScopes: { role: 'operator' },
    description:
      'Gives an identity another password or refresh token, forgets the credentials that the old one brought, and releases it where it was parked.',
    args: {
      input: t.arg({
        type: ReplaceIdentitySecretInput,
        required: true,
        description: 'The identity and its secret.',
      }),
    },
    errors: identityResult('ReplaceIdentitySecret'),
    resolve: (_root, { input }, context) =>
      perform(context, 'replaceIdentitySecret', async () => {
        const secret = secretOf(input);
        return context.directory.replaceSecret(input.identityId, secret);
      }),
  }),
  releaseIdentity: t.field({
    type: IdentityType,
    authScopes: { role: 'operator' },
    description:
      'Ends the quarantine of an identity: its updates are tried again at once. A denial that still stands parks it again.',
    args: {
      input: t.arg({ type: ReleaseIdentityInput, required: true, description: 'The identity.' }),
    },
    errors: identityResult('ReleaseIdentity'),
    resolve: (_root, { input }, context) =>
      perform(context, 'releaseIdentity', async () => {
        allowReason(input.reason);
        const before = await context.identities.load(input.identityId);
        const identity = await context.directory.release(input.identityId);
        const { status, quarantine } = before ?? {};
        audit(context, {
          before: { status: status ?? null, gate: quarantine?.denial.gate ?? null },
          after: { status: identity.status },
        });
        return identity;
      }),
  }),
}));
