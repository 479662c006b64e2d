import { CognitoIdentityClient } from '@aws-sdk/client-cognito-identity';
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { IoTClient } from '@aws-sdk/client-iot';
import type { WorkerConfig } from '../../shared/config/worker.ts';

export interface AwsClients {
  readonly userPool: CognitoIdentityProviderClient;
  readonly identityPool: CognitoIdentityClient;
  /** Signed with the worker's own role, found as the AWS SDK finds credentials. */
  readonly iot: IoTClient;
}

type Endpoints = Pick<
  WorkerConfig,
  'AWS_REGION' | 'COGNITO_IDP_ENDPOINT' | 'COGNITO_IDENTITY_ENDPOINT' | 'IOT_CONTROL_ENDPOINT'
>;

/**
 * Retries are ours: the SDK's own would spend the account's budgets unseen. The two Cognito
 * operations are public (unsigned) and need no credentials.
 */
export function createAwsClients(config: Endpoints): AwsClients {
  const common = { region: config.AWS_REGION, maxAttempts: 1 };
  const at = (endpoint: string | undefined) => (endpoint === undefined ? {} : { endpoint });
  return {
    userPool: new CognitoIdentityProviderClient({ ...common, ...at(config.COGNITO_IDP_ENDPOINT) }),
    identityPool: new CognitoIdentityClient({ ...common, ...at(config.COGNITO_IDENTITY_ENDPOINT) }),
    iot: new IoTClient({ ...common, ...at(config.IOT_CONTROL_ENDPOINT) }),
  };
}

export function destroyAwsClients(clients: AwsClients): void {
  clients.userPool.destroy();
  clients.identityPool.destroy();
  clients.iot.destroy();
}
