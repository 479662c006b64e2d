import { audit } from '../audit.ts';
import { namesSubject } from '../auditedInput.ts';
import { allowReason } from '../input.ts';
import { perform } from '../perform.ts';
import { actionResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { FleetType } from './fleet.ts';
import { REASON_DESCRIPTION } from './reason.ts';
import { SHARD_SUBJECT } from './shardSubject.ts';

const MoveShardInput = builder.inputType('MoveShardInput', {
  description: 'A shard, and the worker that is to own it.',
  fields: (t) => ({
    shard: t.int({
      required: true,
      description: 'The number of the shard.',
      extensions: SHARD_SUBJECT,
    }),
    worker: t.string({
      required: true,
      description: 'The name of the worker.',
      extensions: namesSubject(),
    }),
    reason: t.string({ description: REASON_DESCRIPTION }),
  }),
});

const WorkerInput = builder.inputType('WorkerInput', {
  description: 'A worker.',
  fields: (t) => ({
    worker: t.string({ required: true, description: 'Its name.', extensions: namesSubject() }),
    reason: t.string({ description: REASON_DESCRIPTION }),
  }),
});

const result = (name: string) =>
  actionResult(name, 'It was written down; the workers follow with their next heartbeats.', {
    name: 'fleet',
    description: 'The fleet as it stands now.',
  });

builder.mutationFields((t) => ({
  moveShard: t.field({
    type: FleetType,
    authScopes: { role: 'approver' },
    description:
      'Gives a shard to a worker: its owner finishes what is in flight and disconnects, then the worker connects. It stays there as long as the worker runs.',
    args: {
      input: t.arg({ type: MoveShardInput, required: true, description: 'What goes where.' }),
    },
    errors: result('MoveShard'),
    resolve: (_root, { input }, context) =>
      perform(context, 'moveShard', async () => {
        allowReason(input.reason);
        const before = await context.fleet.read();
        await context.fleetControl.moveShard(input.shard, input.worker);
        const owner = before.shards.find(({ shard }) => shard === input.shard)?.owner;
        audit(context, {
          before: { owner: owner ?? null },
          after: { owner: input.worker },
        });
        return context.fleet.read();
      }),
  }),
  drainWorker: t.field({
    type: FleetType,
    authScopes: { role: 'approver' },
    description:
      'Has a worker hand over all of its shards and take no others, for example before it is stopped or replaced. Undone by resumeWorker.',
    args: { input: t.arg({ type: WorkerInput, required: true, description: 'The worker.' }) },
    errors: result('DrainWorker'),
    resolve: (_root, { input }, context) =>
      perform(context, 'drainWorker', async () => {
        allowReason(input.reason);
        await context.fleetControl.drainWorker(input.worker);
        audit(context, { after: { draining: true } });
        return context.fleet.read();
      }),
  }),
  resumeWorker: t.field({
    type: FleetType,
    authScopes: { role: 'approver' },
    description: 'Lets a worker that was drained take its share of the shards again.',
    args: { input: t.arg({ type: WorkerInput, required: true, description: 'The worker.' }) },
    errors: result('ResumeWorker'),
    resolve: (_root, { input }, context) =>
      perform(context, 'resumeWorker', async () => {
        allowReason(input.reason);
        await context.fleetControl.resumeWorker(input.worker);
        audit(context, { after: { draining: false } });
        return context.fleet.read();
      }),
  }),
}));
