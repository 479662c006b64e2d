import { readFileSync } from 'node:fs';
import { auth, http } from 'aws-iot-device-sdk-v2';
import { connectAsync } from 'mqtt';
import { ADMINISTRATOR, type Aws } from './aws.ts';

export interface Device {
  close(): Promise<void>;
}

/** A device that connects with the name of its thing as its client id, as AWS advises. */
export async function connectDevice(aws: Aws, name: string): Promise<Device> {
  const { region, endpoints, caFile } = aws.ready;
  const [host = '', port] = endpoints.iotData.split(':');
  const headers = new http.HttpHeaders([['host', host]]);
  const { path } = await auth.aws_sign_request(new http.HttpRequest('GET', '/mqtt', headers), {
    algorithm: auth.AwsSigningAlgorithm.SigV4,
    signature_type: auth.AwsSignatureType.HttpRequestViaQueryParams,
    provider: auth.AwsCredentialsProvider.newStatic(
      ADMINISTRATOR.AWS_ACCESS_KEY_ID,
      ADMINISTRATOR.AWS_SECRET_ACCESS_KEY,
    ),
    region,
    service: 'iotdevicegateway',
    signed_body_value: auth.AwsSignedBodyValue.EmptySha256,
  });
  const client = await connectAsync(`wss://${host}:${port}${path}`, {
    clientId: name,
    protocolVersion: 5,
    reconnectPeriod: 0,
    wsOptions: { ca: readFileSync(caFile, 'utf8'), headers: { host } },
  });
  client.on('error', () => undefined);
  return { close: () => client.endAsync() };
}
