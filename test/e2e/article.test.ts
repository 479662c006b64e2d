import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  CognitoIdentityClient,
  GetCredentialsForIdentityCommand,
  GetIdCommand,
} from '@aws-sdk/client-cognito-identity';
import {
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { AttachPolicyCommand, IoTClient } from '@aws-sdk/client-iot';
import { GetThingShadowCommand, IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { iot, mqtt } from 'aws-iot-device-sdk-v2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type EmulatorProcess, startEmulatorProcess } from '../support/emulator.ts';

/**
 * The field article's five steps, with the bare SDKs and nothing of ours: what a user of AWS would
 * write, MQTT 3.1.1 over WebSocket included. It says that the emulator stands for AWS, without
 * the product having a hand in it.
 */
const readySchema = z.object({
  region: z.string(),
  userPoolId: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  identityPoolId: z.string(),
  iotPolicyName: z.string(),
  endpoints: z.object({
    cognitoIdp: z.string(),
    cognitoIdentity: z.string(),
    iot: z.string(),
    iotData: z.string(),
  }),
  caFile: z.string(),
  users: z.array(z.object({ username: z.string(), password: z.string() })),
});
type Ready = z.infer<typeof readySchema>;
type User = Ready['users'][number];

let emulator: EmulatorProcess<Ready>;
const administrator = { accessKeyId: 'AKIAADMINISTRATOR', secretAccessKey: 'any' };

beforeAll(async () => {
  emulator = await startEmulatorProcess(['--users', '3', '--quotas', 'default'], {
    schema: readySchema,
  });
});

afterAll(async () => {
  await emulator.process.stop();
});

function user(index: number): User {
  const found = emulator.ready.users[index];
  if (found === undefined) throw new Error(`the emulator has no user ${index}`);
  return found;
}

/** Steps 1 and 2: from a password to an identity id and temporary credentials. */
async function signIn({ username, password }: User) {
  const { region, clientId, clientSecret, userPoolId, identityPoolId, endpoints } = emulator.ready;
  const userPool = new CognitoIdentityProviderClient({ region, endpoint: endpoints.cognitoIdp });
  const identityPool = new CognitoIdentityClient({ region, endpoint: endpoints.cognitoIdentity });
  const secretHash = createHmac('sha256', clientSecret)
    .update(username + clientId)
    .digest('base64');
  const { AuthenticationResult } = await userPool.send(
    new InitiateAuthCommand({
      AuthFlow: 'USER_PASSWORD_AUTH',
      ClientId: clientId,
      AuthParameters: { USERNAME: username, PASSWORD: password, SECRET_HASH: secretHash },
    }),
  );
  const idToken = AuthenticationResult?.IdToken ?? '';
  const Logins = { [`cognito-idp.${region}.amazonaws.com/${userPoolId}`]: idToken };
  const { IdentityId = '' } = await identityPool.send(
    new GetIdCommand({ IdentityPoolId: identityPoolId, Logins }),
  );
  const { Credentials } = await identityPool.send(
    new GetCredentialsForIdentityCommand({ IdentityId, Logins }),
  );
  return { identityId: IdentityId, credentials: Credentials ?? {} };
}

/** Step 3, as the account's administrator. */
async function attachPolicy(identityId: string): Promise<void> {
  const { region, endpoints, iotPolicyName } = emulator.ready;
  const control = new IoTClient({ region, endpoint: endpoints.iot, credentials: administrator });
  await control.send(new AttachPolicyCommand({ policyName: iotPolicyName, target: identityId }));
}

/** Step 4's connection: WebSocket, SigV4, client id = identity id, clean session false. */
function connection({ identityId, credentials }: Awaited<ReturnType<typeof signIn>>) {
  const { region, endpoints, caFile } = emulator.ready;
  const [host = '', port] = endpoints.iotData.split(':');
  const config = iot.AwsIotMqttConnectionConfigBuilder.new_with_websockets()
    .with_endpoint(host)
    .with_port(Number(port))
    .with_certificate_authority_from_path(undefined, caFile)
    .with_credentials(
      region,
      credentials.AccessKeyId ?? '',
      credentials.SecretKey ?? '',
      credentials.SessionToken,
    )
    .with_client_id(identityId)
    .with_clean_session(false)
    .with_keep_alive_seconds(30)
    .build();
  return new mqtt.MqttClient().new_connection(config);
}

async function shadowOf(thingName: string): Promise<unknown> {
  const { region, endpoints, caFile } = emulator.ready;
  const dataPlane = new IoTDataPlaneClient({
    region,
    endpoint: `https://${endpoints.iotData}`,
    credentials: administrator,
    requestHandler: { httpsAgent: { ca: readFileSync(caFile) } },
  });
  const { payload } = await dataPlane.send(new GetThingShadowCommand({ thingName }));
  return JSON.parse(Buffer.from(payload ?? []).toString('utf8'));
}

test('password, identity, policy, MQTT 3.1.1, publish: the shadow holds what was sent', async () => {
  const signedIn = await signIn(user(0));
  expect(signedIn.identityId).toMatch(/^us-east-1:[0-9a-f-]{36}$/);
  await attachPolicy(signedIn.identityId);

  const client = connection(signedIn);
  expect(await client.connect()).toBe(false);
  const accepted = new Promise<unknown>((resolve) => {
    void client.subscribe(
      '$aws/things/device_1/shadow/update/accepted',
      mqtt.QoS.AtLeastOnce,
      (_, payload) => resolve(JSON.parse(Buffer.from(payload).toString('utf8'))),
    );
  });
  const puback = await client.publish(
    '$aws/things/device_1/shadow/update',
    JSON.stringify({ state: { desired: { power: 'OFF' } }, clientToken: 'article' }),
    mqtt.QoS.AtLeastOnce,
  );
  expect(puback.packet_id).toBeGreaterThan(0);
  expect(await accepted).toMatchObject({
    state: { desired: { power: 'OFF' } },
    version: 1,
    clientToken: 'article',
  });
  await client.disconnect();

  expect(await shadowOf('device_1')).toMatchObject({
    state: { desired: { power: 'OFF' } },
    version: 1,
  });
});

/** All that the 3.1.1 client says of a refusal: the other side hung up, never the reason. */
const NO_REASON = /UNEXPECTED_HANGUP|SOCKET_CLOSED/;

test("without step 3 there is no connection: the article's AUTHORIZATION_FAILURE", async () => {
  const client = connection(await signIn(user(1)));
  await expect(client.connect()).rejects.toThrow(NO_REASON);
});

test('another client id than the identity id is refused, policy or not', async () => {
  const signedIn = await signIn(user(2));
  await attachPolicy(signedIn.identityId);
  const client = connection({ ...signedIn, identityId: 'somebody-else' });
  await expect(client.connect()).rejects.toThrow(NO_REASON);
});
