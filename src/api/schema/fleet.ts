import type {
  FleetView,
  JobCounts,
  ShardView,
  WorkerView,
} from '../../shared/store/fleetReader.ts';
import { BudgetType } from './budget.ts';
import { builder } from './builder.ts';
import { PauseType } from './pause.ts';

const WorkerType = builder.objectRef<WorkerView>('Worker').implement({
  description: 'A process of the fleet.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    lastHeartbeatAt: t.expose('lastHeartbeatAt', {
      type: 'DateTime',
      description: 'When it last said that it lives.',
    }),
    shards: t.intList({
      description: 'The shards whose lease it holds.',
      resolve: ({ shards }) => [...shards],
    }),
    draining: t.exposeBoolean('draining', {
      description: 'Whether an operator drains it: it hands over what it has and takes nothing.',
    }),
    host: t.string({
      nullable: true,
      description: 'The host that it runs on.',
      resolve: ({ told }) => told.host,
    }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was started.',
      resolve: ({ told }) => told.startedAt,
    }),
    metricsUrl: t.string({
      nullable: true,
      description: 'Where Prometheus scrapes it.',
      resolve: ({ told }) => told.metricsUrl,
    }),
    jobConcurrency: t.int({
      nullable: true,
      description: 'Jobs that run at once in each of its shards.',
      resolve: ({ told }) => told.jobConcurrency,
    }),
  }),
});

const OpenUpdatesType = builder.objectRef<ShardView['open']>('OpenUpdates').implement({
  description: 'Updates that have not ended, by where they stand.',
  fields: (t) => ({
    queued: t.exposeInt('QUEUED', { description: 'Accepted, and not published yet.' }),
    held: t.exposeInt('HELD', { description: 'Waiting for a stated reason.' }),
    inFlight: t.exposeInt('IN_FLIGHT', { description: 'Published, the answer awaited.' }),
  }),
});

const JobCountsType = builder.objectRef<JobCounts>('JobCounts').implement({
  description: "The jobs of a shard's queue in BullMQ; one job may stand for many updates.",
  fields: (t) => ({
    waiting: t.exposeInt('waiting', { description: 'Ready: the next worker takes them.' }),
    bulk: t.exposeInt('bulk', { description: 'Ready behind those: they came many at once.' }),
    active: t.exposeInt('active', { description: 'Running.' }),
    delayed: t.exposeInt('delayed', { description: 'Given back until their lanes can go on.' }),
    failed: t.exposeInt('failed', {
      description: 'Failed for good, which none should: the sweep gives their updates new ones.',
    }),
  }),
});

const ShardType = builder.objectRef<ShardView>('Shard').implement({
  description: 'A fixed slice of the identities, owned by one worker at a time.',
  fields: (t) => ({
    number: t.exposeInt('shard', { description: 'Its number, from 0.' }),
    owner: t.string({
      nullable: true,
      description: 'The worker that holds its lease; null where none does.',
      resolve: ({ owner }) => owner,
    }),
    epoch: t.string({
      nullable: true,
      description: 'The fencing epoch of its last lease.',
      resolve: ({ epoch }) => (epoch === undefined ? undefined : String(epoch)),
    }),
    leaseExpiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the lease runs out, unless it is renewed.',
      resolve: ({ leaseExpiresAt }) => leaseExpiresAt,
    }),
    openUpdates: t.field({
      type: OpenUpdatesType,
      description: 'Its updates that have not ended.',
      resolve: ({ open }) => open,
    }),
    jobs: t.field({
      type: JobCountsType,
      description: 'The depth of its queue.',
      resolve: ({ shard }, _args, { gate, fleet }) => gate.read(() => fleet.jobs(shard)),
    }),
    oldestAcceptedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When the oldest update that is first in its lane was accepted.',
      resolve: ({ oldestAcceptedAt }) => oldestAcceptedAt,
    }),
  }),
});

export const FleetType = builder.objectRef<FleetView>('Fleet').implement({
  description: 'The workers, the shards, and what waits.',
  fields: (t) => ({
    workers: t.field({
      type: [WorkerType],
      description: 'The workers that beat, by name.',
      resolve: ({ workers }) => workers,
    }),
    shards: t.field({
      type: [ShardType],
      description: 'All shards.',
      resolve: ({ shards }) => shards,
    }),
    openUpdates: t.field({
      type: OpenUpdatesType,
      description: 'Updates that have not ended, over all shards.',
      resolve: ({ shards }) => ({
        QUEUED: sum(shards, ({ open }) => open.QUEUED),
        HELD: sum(shards, ({ open }) => open.HELD),
        IN_FLIGHT: sum(shards, ({ open }) => open.IN_FLIGHT),
      }),
    }),
    budgets: t.field({
      type: [BudgetType],
      description: 'The account-wide rates, and what is made of them.',
      resolve: ({ budgets }) => budgets,
    }),
    pauses: t.field({
      type: [PauseType],
      description: 'What is held back now, the oldest pause first.',
      resolve: ({ pauses }) => pauses,
    }),
    jobConcurrency: t.int({
      nullable: true,
      description:
        'The jobs that an operator has run at once in each shard; null where the settings of each worker hold.',
      resolve: ({ tuning }) => tuning.jobConcurrency,
    }),
    oldestWaitSeconds: t.float({
      description: 'How long the oldest update that is first in its lane has waited; 0 for none.',
      resolve: ({ at, shards }) =>
        Math.max(0, ...shards.map((shard) => (at - (shard.oldestAcceptedAt ?? at)) / 1000)),
    }),
  }),
});

function sum(shards: readonly ShardView[], count: (shard: ShardView) => number): number {
  return shards.reduce((total, shard) => total + count(shard), 0);
}

builder.queryFields((t) => ({
  fleet: t.field({
    type: FleetType,
    authScopes: { role: 'viewer' },
    description: 'The fleet as Redis knows it.',
    resolve: (_root, _args, context) => context.gate.read(() => context.fleet.read()),
  }),
}));
