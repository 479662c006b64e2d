/**
 * The account-wide rates that the fleet keeps to, each named after the AWS operation it is for:
 * `subscribe` counts topic filters, `shadow` requests to the shadow service.
 */
export const BUDGET_NAMES = [
  'initiateAuth',
  'getId',
  'getCredentials',
  'attachPolicy',
  'listPolicies',
  'connect',
  'subscribe',
  'shadow',
] as const;
export type BudgetName = (typeof BUDGET_NAMES)[number];

export function isBudgetName(text: string): text is BudgetName {
  return (BUDGET_NAMES as readonly string[]).includes(text);
}
