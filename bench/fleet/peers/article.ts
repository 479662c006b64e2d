/**
 * The field article's way, for every update anew: sign in, get credentials, connect, publish. The
 * policy is attached beforehand and the HTTP clients are kept, which the article does not do.
 */
import { createHmac } from 'node:crypto';
import {
  CognitoIdentityClient,
  GetCredentialsForIdentityCommand,
  GetIdCommand,
} from '@aws-sdk/client-cognito-identity';
import {
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { iot, mqtt } from 'aws-iot-device-sdk-v2';
import type { ReadyLine } from '../../../src/emulator/emulator.ts';
import { servePeer } from '../peer.ts';

export interface ArticleOrders {
  readonly ready: ReadyLine;
  /** As which of the account's users: from this one on, one for each that is under way. */
  readonly fromUser: number;
  readonly atOnce: number;
}

type User = ReadyLine['users'][number];

function signer({ region, endpoints, clientId, clientSecret, ...ready }: ReadyLine) {
  const userPool = new CognitoIdentityProviderClient({ region, endpoint: endpoints.cognitoIdp });
  const identityPool = new CognitoIdentityClient({ region, endpoint: endpoints.cognitoIdentity });
  return async ({ username, password }: User) => {
    const hash = createHmac('sha256', clientSecret)
      .update(username + clientId)
      .digest('base64');
    const { AuthenticationResult } = await userPool.send(
      new InitiateAuthCommand({
        AuthFlow: 'USER_PASSWORD_AUTH',
        ClientId: clientId,
        AuthParameters: { USERNAME: username, PASSWORD: password, SECRET_HASH: hash },
      }),
    );
    const idToken = AuthenticationResult?.IdToken ?? '';
    const Logins = { [`cognito-idp.${region}.amazonaws.com/${ready.userPoolId}`]: idToken };
    const { IdentityId = '' } = await identityPool.send(
      new GetIdCommand({ IdentityPoolId: ready.identityPoolId, Logins }),
    );
    const { Credentials } = await identityPool.send(
      new GetCredentialsForIdentityCommand({ IdentityId, Logins }),
    );
    return { identityId: IdentityId, credentials: Credentials ?? {} };
  };
}

await servePeer(async ({ ready, fromUser, atOnce }: ArticleOrders) => {
  const signIn = signer(ready);
  const [host = '', port] = ready.endpoints.iotData.split(':');
  const client = new mqtt.MqttClient();
  let token = 0;
  const update = async (user: User, thing: string) => {
    const { identityId, credentials } = await signIn(user);
    const config = iot.AwsIotMqttConnectionConfigBuilder.new_with_websockets()
      .with_endpoint(host)
      .with_port(Number(port))
      .with_certificate_authority_from_path(undefined, ready.caFile)
      .with_credentials(
        ready.region,
        credentials.AccessKeyId ?? '',
        credentials.SecretKey ?? '',
        credentials.SessionToken,
      )
      .with_client_id(identityId)
      .with_clean_session(true)
      .with_keep_alive_seconds(30)
      .build();
    const connection = client.new_connection(config);
    await connection.connect();
    const topic = `$aws/things/${thing}/shadow/update`;
    let onAccepted = (): void => undefined;
    const accepted = new Promise<void>((resolve) => {
      onAccepted = resolve;
    });
    await connection.subscribe(`${topic}/accepted`, mqtt.QoS.AtLeastOnce, () => onAccepted());
    token += 1;
    const document = { state: { desired: { power: 'OFF', n: token } }, clientToken: `a-${token}` };
    await connection.publish(topic, JSON.stringify(document), mqtt.QoS.AtLeastOnce);
    await accepted;
    await connection.disconnect();
  };
  return async ({ updates }: { readonly updates: number }) => {
    let left = updates;
    const began = performance.now();
    const users = ready.users.slice(fromUser, fromUser + atOnce);
    await Promise.all(
      users.map(async (user, at) => {
        for (; left > 0; ) {
          left -= 1;
          await update(user, `device_a_${at}`);
        }
      }),
    );
    return { updates, seconds: (performance.now() - began) / 1000 };
  };
});
