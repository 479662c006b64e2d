import type { WorkerConfig } from '../../shared/config/worker.ts';
import type { BudgetName } from '../../shared/domain/budgets.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { Budget } from './budget.ts';

/**
 * AWS's default quotas per account and region, a second: Cognito's UserAuthentication category,
 * identity pools, and the "AWS IoT Core endpoints and quotas" page. `small` is the column "select
 * AWS Regions". ListAttachedPolicies has the same rate as AttachPolicy and a budget of its own.
 */
const QUOTAS = {
  default: {
    initiateAuth: 120,
    getId: 25,
    getCredentials: 200,
    attachPolicy: 15,
    connect: 500,
    subscribe: 500,
    shadow: 4000,
  },
  small: {
    initiateAuth: 120,
    getId: 25,
    getCredentials: 200,
    attachPolicy: 15,
    connect: 100,
    subscribe: 200,
    shadow: 400,
  },
} as const;

export type Budgets = Readonly<Record<BudgetName, Budget>>;

type BudgetConfig = Pick<WorkerConfig, 'AWS_QUOTAS'> &
  Partial<Pick<WorkerConfig, Extract<keyof WorkerConfig, `BUDGET_${string}`>>>;

/** A rate of 0, or none, takes that of the quotas. */
export function createBudgets(redis: RedisClient, keys: Keys, config: BudgetConfig): Budgets {
  const quotas = QUOTAS[config.AWS_QUOTAS];
  const budget = (name: BudgetName, set: number | undefined, fallback: number) =>
    new Budget(redis, keys.budget(name), name, set || fallback);
  const { attachPolicy } = quotas;
  return {
    initiateAuth: budget('initiateAuth', config.BUDGET_INITIATE_AUTH, quotas.initiateAuth),
    getId: budget('getId', config.BUDGET_GET_ID, quotas.getId),
    getCredentials: budget('getCredentials', config.BUDGET_GET_CREDENTIALS, quotas.getCredentials),
    attachPolicy: budget('attachPolicy', config.BUDGET_ATTACH_POLICY, attachPolicy),
    listPolicies: budget('listPolicies', config.BUDGET_ATTACH_POLICY, attachPolicy),
    connect: budget('connect', config.BUDGET_CONNECT, quotas.connect),
    subscribe: budget('subscribe', config.BUDGET_SUBSCRIBE, quotas.subscribe),
    shadow: budget('shadow', config.BUDGET_SHADOW, quotas.shadow),
  };
}
