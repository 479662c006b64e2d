/** Bare aws-crt connections: hand-built configuration, one shared TLS context. */
import { auth, io, iot, mqtt5 } from 'aws-iot-device-sdk-v2';
import type { BenchAccount, BenchIdentity } from './account.ts';

export function clientFactory(
  account: Pick<BenchAccount, 'ready' | 'ca'>,
): (identity: BenchIdentity) => mqtt5.Mqtt5Client {
  const { region, endpoints } = account.ready;
  const [hostName = 'localhost', port = '443'] = endpoints.iotData.split(':');
  const tls = new io.TlsContextOptions();
  tls.override_default_trust_store(account.ca);
  const tlsCtx = new io.ClientTlsContext(tls);
  const socketOptions = new io.SocketOptions(io.SocketType.STREAM, io.SocketDomain.IPV4, 30_000);
  return (identity) => {
    const provider = auth.AwsCredentialsProvider.newStatic(
      identity.accessKeyId,
      identity.secretKey,
      identity.sessionToken,
    );
    const sdk = iot.AwsIotMqtt5ClientConfigBuilder.newWebsocketMqttBuilderWithSigv4Auth(hostName, {
      credentialsProvider: provider,
      region,
    });
    const template = sdk as unknown as { config: mqtt5.Mqtt5ClientConfig };
    const client = new mqtt5.Mqtt5Client({
      ...template.config,
      hostName,
      port: Number(port),
      connectProperties: { clientId: identity.identityId, keepAliveIntervalSeconds: 600 },
      tlsCtx,
      socketOptions,
      extendedValidationAndFlowControlOptions: mqtt5.ClientExtendedValidationAndFlowControl.None,
    });
    client.on('error', () => undefined);
    return client;
  };
}

export async function connectAll(clients: readonly mqtt5.Mqtt5Client[]): Promise<void> {
  const width = 200;
  for (let at = 0; at < clients.length; at += width) {
    await Promise.all(clients.slice(at, at + width).map(connect));
  }
}

function connect(client: mqtt5.Mqtt5Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connectionSuccess', () => resolve());
    client.once('connectionFailure', ({ error, connack }) =>
      reject(new Error(`refused: ${error.error_name} ${connack?.reasonCode ?? ''}`)),
    );
    client.start();
  });
}
