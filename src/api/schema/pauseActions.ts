import { isGroupId } from '../../shared/domain/ids.ts';
import type { PauseTarget } from '../../shared/domain/pause.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { shardNotFound } from '../../shared/store/fleetControl.ts';
import { identityNotFound } from '../../shared/store/updateIntake.ts';
import { audit } from '../audit.ts';
import { namesSubject } from '../auditedInput.ts';
import type { ApiContext } from '../context.ts';
import { allowReason, requireReason } from '../input.ts';
import { perform } from '../perform.ts';
import { actionResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { REASON_DESCRIPTION } from './reason.ts';
import { PauseType } from './pause.ts';
import { SHARD_SUBJECT } from './shardSubject.ts';

const PauseTargetInput = builder.inputType('PauseTargetInput', {
  description: 'What to hold back, or to let go: exactly one of these.',
  isOneOf: true,
  fields: (t) => ({
    fleet: t.boolean({
      description: 'true: every update.',
      extensions: namesSubject(() => 'fleet'),
    }),
    shard: t.int({ description: 'The number of a shard.', extensions: SHARD_SUBJECT }),
    identityId: t.id({ description: 'An identity.' }),
    group: t.string({
      description: 'The name or the id of a group: all updates of its members.',
      extensions: namesSubject(),
    }),
  }),
});

const PauseUpdatesInput = builder.inputType('PauseUpdatesInput', {
  description: 'What to hold back, and why.',
  fields: (t) => ({
    target: t.field({ type: PauseTargetInput, required: true, description: 'What.' }),
    reason: t.string({
      required: true,
      description: 'Why: 1 to 500 characters. Every update that waits for it says so.',
    }),
  }),
});

const ResumeUpdatesInput = builder.inputType('ResumeUpdatesInput', {
  description: 'What to let go.',
  fields: (t) => ({
    target: t.field({ type: PauseTargetInput, required: true, description: 'What was paused.' }),
    reason: t.string({ description: REASON_DESCRIPTION }),
  }),
});

type TargetInput = (typeof PauseTargetInput)['$inferInput'];

async function targetOf(
  context: ApiContext,
  { fleet, shard, identityId, group }: TargetInput,
): Promise<PauseTarget> {
  if (fleet === true) return { kind: 'FLEET' };
  if (typeof shard === 'number') return { kind: 'SHARD', shard };
  if (typeof identityId === 'string') return { kind: 'IDENTITY', identityId };
  if (typeof group === 'string') {
    // A pause outlasts its group, and may be ended by the id that it names.
    const groupId = isGroupId(group) ? group : (await context.groups.require(group)).id;
    audit(context, { subjects: [groupId] });
    return { kind: 'GROUP', groupId };
  }
  throw new CourierError(
    'PAUSE_TARGET_INVALID',
    'fleet: false names nothing.',
    'Name a shard, an identity or a group, or say fleet: true.',
  );
}

/** What is not there cannot be paused; a pause of what has gone since may still be ended. */
async function requireTarget(context: ApiContext, target: PauseTarget): Promise<void> {
  if (target.kind === 'SHARD') {
    const { shards } = await context.fleet.read();
    if (shards[target.shard] === undefined) throw shardNotFound(target.shard, shards.length);
  }
  if (target.kind === 'IDENTITY') {
    const identity = await context.identities.load(target.identityId);
    if (identity === undefined) throw identityNotFound(target.identityId);
  }
  if (target.kind === 'GROUP') await context.groups.require(target.groupId);
}

builder.mutationFields((t) => ({
  pauseUpdates: t.field({
    type: PauseType,
    authScopes: { role: 'approver' },
    description:
      'Holds updates back until resumeUpdates: they are still accepted, and wait as PAUSED. The workers follow with their next heartbeat; what is in flight ends as usual, and connections stay. What is paused already stays as it was, with its first reason: the answer tells.',
    args: {
      input: t.arg({ type: PauseUpdatesInput, required: true, description: 'What and why.' }),
    },
    errors: actionResult('PauseUpdates', 'The pause was written down.', {
      name: 'pause',
      description: 'The pause that holds.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'pauseUpdates', async () => {
        requireReason(input.reason);
        const target = await targetOf(context, input.target);
        await requireTarget(context, target);
        return context.pauses.pause(target, { actor: context.actor, reason: input.reason });
      }),
  }),
  resumeUpdates: t.field({
    type: PauseType,
    authScopes: { role: 'approver' },
    description:
      'Ends a pause; what waited for it goes on within seconds, unless another pause holds it too.',
    args: { input: t.arg({ type: ResumeUpdatesInput, required: true, description: 'What.' }) },
    errors: actionResult('ResumeUpdates', 'The pause has ended.', {
      name: 'pause',
      description: 'The pause as it was.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'resumeUpdates', async () => {
        allowReason(input.reason);
        return context.pauses.resume(await targetOf(context, input.target));
      }),
  }),
}));
