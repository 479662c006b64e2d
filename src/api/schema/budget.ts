import type { BudgetName } from '../../shared/domain/budgets.ts';
import type { BudgetView } from '../../shared/store/budgetReader.ts';
import { builder } from './builder.ts';

const WORDS: Readonly<Record<BudgetName, readonly [value: string, description: string]>> = {
  initiateAuth: ['INITIATE_AUTH', 'Sign-ins to the user pool, refreshes included.'],
  getId: ['GET_ID', 'GetId calls to the identity pool.'],
  getCredentials: ['GET_CREDENTIALS', 'GetCredentialsForIdentity calls to the identity pool.'],
  attachPolicy: ['ATTACH_POLICY', 'AttachPolicy calls to AWS IoT.'],
  listPolicies: ['LIST_POLICIES', 'ListAttachedPolicies calls to AWS IoT.'],
  connect: ['CONNECT', 'MQTT connections made.'],
  subscribe: ['SUBSCRIBE', 'Topic filters subscribed to.'],
  shadow: ['SHADOW', 'Requests to the shadow service.'],
};

export const BudgetNameEnum = builder.enumType('BudgetName', {
  description: "What an account-wide rate is for: the AWS quota that the fleet's calls share.",
  values: Object.fromEntries(
    Object.entries(WORDS).map(([name, [value, description]]) => [
      value,
      { value: name as BudgetName, description },
    ]),
  ),
});

export const BudgetType = builder.objectRef<BudgetView>('Budget').implement({
  description: 'An account-wide rate that the whole fleet keeps to, and what is made of it.',
  fields: (t) => ({
    name: t.expose('name', { type: BudgetNameEnum, description: 'What it is for.' }),
    perSecond: t.int({
      nullable: true,
      description: 'The rate a second that holds; null where no worker has told and none is set.',
      resolve: ({ override, configured }) => override ?? configured,
    }),
    configuredPerSecond: t.int({
      nullable: true,
      description: "The rate that the workers' settings give; null where no worker runs.",
      resolve: ({ configured }) => configured,
    }),
    overridePerSecond: t.int({
      nullable: true,
      description: 'The rate that setBudget set instead; null where none is set.',
      resolve: ({ override }) => override,
    }),
    usedPerSecond: t.exposeInt('usedPerSecond', {
      description: 'What was used of it in the last full second.',
    }),
    waiting: t.exposeInt('waiting', {
      description: 'Calls that wait for their share of it, as of the last heartbeats.',
    }),
  }),
});
