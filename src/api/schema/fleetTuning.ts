import { MAX_JOB_CONCURRENCY, MAX_PER_SECOND } from '../../shared/store/fleetTuning.ts';
import { requireReason } from '../input.ts';
import { audit } from '../audit.ts';
import { namesSubject } from '../auditedInput.ts';
import { perform } from '../perform.ts';
import { actionResult } from './actionResult.ts';
import { BudgetNameEnum } from './budget.ts';
import { builder } from './builder.ts';
import { FleetType } from './fleet.ts';
import { NEEDED_REASON_DESCRIPTION } from './reason.ts';

const SetBudgetInput = builder.inputType('SetBudgetInput', {
  description: 'Another rate for a budget.',
  fields: (t) => ({
    budget: t.field({
      type: BudgetNameEnum,
      required: true,
      description: 'Which one.',
      extensions: namesSubject(),
    }),
    perSecond: t.int({
      description: `1 to ${MAX_PER_SECOND} a second, over the whole fleet. Left out, the workers' own settings hold again.`,
    }),
    reason: t.string({ required: true, description: NEEDED_REASON_DESCRIPTION }),
  }),
});

const SetJobConcurrencyInput = builder.inputType('SetJobConcurrencyInput', {
  description: 'How many jobs run at once in each shard.',
  fields: (t) => ({
    jobConcurrency: t.int({
      description: `1 to ${MAX_JOB_CONCURRENCY}. Left out, the workers' own settings hold again.`,
    }),
    reason: t.string({ required: true, description: NEEDED_REASON_DESCRIPTION }),
  }),
});

const result = (name: string) =>
  actionResult(name, 'It was written down; the workers follow with their next heartbeats.', {
    name: 'fleet',
    description: 'The fleet as it stands now.',
  });

builder.mutationFields((t) => ({
  setBudget: t.field({
    type: FleetType,
    authScopes: { role: 'admin' },
    description:
      'Changes an account-wide rate while the fleet runs, for example after AWS raised a quota, or to leave room for another program.',
    args: {
      input: t.arg({ type: SetBudgetInput, required: true, description: 'Which and how much.' }),
    },
    errors: result('SetBudget'),
    resolve: (_root, { input }, context) =>
      perform(context, 'setBudget', async () => {
        requireReason(input.reason);
        const { budgets } = await context.tuning.read();
        await context.tuning.setBudget(input.budget, input.perSecond ?? undefined);
        audit(context, {
          before: { perSecond: budgets.get(input.budget) ?? null },
          after: { perSecond: input.perSecond ?? null },
        });
        return context.fleet.read();
      }),
  }),
  setJobConcurrency: t.field({
    type: FleetType,
    authScopes: { role: 'admin' },
    description: 'Changes how many jobs run at once in each shard while the fleet runs.',
    args: {
      input: t.arg({ type: SetJobConcurrencyInput, required: true, description: 'How many.' }),
    },
    errors: result('SetJobConcurrency'),
    resolve: (_root, { input }, context) =>
      perform(context, 'setJobConcurrency', async () => {
        requireReason(input.reason);
        const before = await context.tuning.read();
        await context.tuning.setJobConcurrency(input.jobConcurrency ?? undefined);
        audit(context, {
          before: { jobConcurrency: before.jobConcurrency ?? null },
          after: { jobConcurrency: input.jobConcurrency ?? null },
        });
        return context.fleet.read();
      }),
  }),
}));
