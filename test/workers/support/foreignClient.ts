import { readFileSync } from 'node:fs';
import { createAwsClients, destroyAwsClients } from '../../../src/workers/aws/clients.ts';
import { createCrtRuntime } from '../../../src/workers/connection/crtRuntime.ts';
import { Link, type LinkDown } from '../../../src/workers/connection/link.ts';
import { IdentityPool } from '../../../src/workers/credentials/identityPool.ts';
import { UserPool } from '../../../src/workers/credentials/userPool.ts';
import type { Aws, User } from './aws.ts';

export interface ForeignClient {
  readonly link: Link;
  /** Why its connection ended, where it did. */
  readonly downs: readonly LinkDown[];
}

/** Somebody else's program that signs in as a user and connects with the user's client id. */
export async function connectAs(aws: Aws, user: User, cognitoId: string): Promise<ForeignClient> {
  const { ready, environment } = aws;
  const clients = createAwsClients({
    AWS_REGION: ready.region,
    COGNITO_IDP_ENDPOINT: ready.endpoints.cognitoIdp,
    COGNITO_IDENTITY_ENDPOINT: ready.endpoints.cognitoIdentity,
    IOT_CONTROL_ENDPOINT: ready.endpoints.iot,
  });
  const signal = new AbortController().signal;
  const userPool = new UserPool(clients.userPool, ready.clientId, ready.clientSecret);
  const { idToken } = await userPool.signIn(user.username, user.password, signal);
  const pool = new IdentityPool(clients.identityPool, {
    region: ready.region,
    userPoolId: ready.userPoolId,
    identityPoolId: ready.identityPoolId,
  });
  const credentials = await pool.credentials(cognitoId, idToken, signal);
  destroyAwsClients(clients);
  const [host = '', port] = ready.endpoints.iotData.split(':');
  const downs: LinkDown[] = [];
  const link = await Link.open(
    createCrtRuntime(readFileSync(environment['IOT_CA_FILE'] ?? '', 'utf8')),
    {
      host,
      port: Number(port),
      region: ready.region,
      clientId: cognitoId,
      keepAliveSeconds: 30,
      awsFlowControl: true,
    },
    credentials,
    {
      mayConnect: () => true,
      onMessage: () => undefined,
      onDown: (down) => downs.push(down),
    },
  );
  if (!(link instanceof Link)) throw new Error(`did not connect: ${link.reason}`);
  return { link, downs };
}
