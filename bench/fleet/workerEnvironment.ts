import type { BenchAccount } from '../emulator/account.ts';

/** Budgets and pacing out of the way, where quotas are off on all sides. */
const PLENTY = '100000';
export const WITHOUT_QUOTAS: Readonly<Record<string, string>> = {
  CONNECT_SPACING_MS: '0',
  CONNECTION_MESSAGES_PER_SECOND: PLENTY,
  THING_REQUESTS_PER_SECOND: '10000',
  BUDGET_INITIATE_AUTH: PLENTY,
  BUDGET_GET_ID: PLENTY,
  BUDGET_GET_CREDENTIALS: PLENTY,
  BUDGET_ATTACH_POLICY: PLENTY,
  BUDGET_CONNECT: PLENTY,
  BUDGET_SUBSCRIBE: PLENTY,
  BUDGET_SHADOW: PLENTY,
};

/** What a worker needs to take this account for AWS. */
export function awsEnvironment({ ready }: BenchAccount): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_REGION: ready.region,
    COGNITO_USER_POOL_ID: ready.userPoolId,
    COGNITO_CLIENT_ID: ready.clientId,
    COGNITO_CLIENT_SECRET: ready.clientSecret,
    COGNITO_IDENTITY_POOL_ID: ready.identityPoolId,
    IOT_POLICY_NAME: ready.iotPolicyName,
    IOT_ENDPOINT: ready.endpoints.iotData,
    IOT_CA_FILE: ready.caFile,
    COGNITO_IDP_ENDPOINT: ready.endpoints.cognitoIdp,
    COGNITO_IDENTITY_ENDPOINT: ready.endpoints.cognitoIdentity,
    IOT_CONTROL_ENDPOINT: ready.endpoints.iot,
  };
}
