/** Connections as the SDK's documentation makes them: one builder each. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { auth, iot, mqtt5 } from 'aws-iot-device-sdk-v2';
import type { ReadyLine } from '../../../src/emulator/emulator.ts';
import type { BenchIdentity } from '../../emulator/account.ts';
import { servePeer } from '../peer.ts';

export interface BuilderOrders {
  readonly ready: ReadyLine;
  readonly identities: readonly BenchIdentity[];
}

const AT_ONCE = 50;

await servePeer(async ({ ready, identities }: BuilderOrders) => {
  const [host = '', port] = ready.endpoints.iotData.split(':');
  // Against AWS the builder takes the system's trust store; here the emulator's CA is needed too.
  const ca = [...rootCertificates, readFileSync(ready.caFile, 'utf8')].join('\n');
  const clients: mqtt5.Mqtt5Client[] = [];
  const connect = async (identity: BenchIdentity) => {
    const config = iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth(host, {
      region: ready.region,
      credentialsProvider: auth.AwsCredentialsProvider.newStatic(
        identity.accessKeyId,
        identity.secretKey,
        identity.sessionToken,
      ),
    })
      .withPort(Number(port))
      .withCertificateAuthority(ca)
      .withConnectProperties({ clientId: identity.identityId, keepAliveIntervalSeconds: 30 })
      .build();
    const client = new mqtt5.Mqtt5Client(config);
    const connected = once(client, 'connectionSuccess');
    client.start();
    await connected;
    clients.push(client);
  };
  return async () => {
    for (let at = 0; at < identities.length; at += AT_ONCE) {
      await Promise.all(identities.slice(at, at + AT_ONCE).map(connect));
    }
    return { connected: clients.length };
  };
});
