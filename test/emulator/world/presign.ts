/** Presigned URLs of `/mqtt`, signed by aws-crt, for clients that take a URL. */
import { auth, http } from 'aws-iot-device-sdk-v2';
import { type DeviceWorld, type Holder, REGION } from './deviceWorld.ts';

export interface Presigning {
  readonly region?: string;
  readonly service?: string;
  readonly date?: Date;
  /** Whether the signature covers the security token, as general-purpose presigners do. */
  readonly signToken?: boolean;
}

/** Path and query of a signed GET of `/mqtt`; `Host` is the bare name, as AWS wants it. */
export async function presignMqtt(holder: Holder, options: Presigning = {}): Promise<string> {
  const { credentials } = holder;
  const request = new http.HttpRequest(
    'GET',
    '/mqtt',
    new http.HttpHeaders([['host', 'localhost']]),
  );
  const signed = await auth.aws_sign_request(request, {
    algorithm: auth.AwsSigningAlgorithm.SigV4,
    signature_type: auth.AwsSignatureType.HttpRequestViaQueryParams,
    provider: auth.AwsCredentialsProvider.newStatic(
      credentials.accessKeyId,
      credentials.secretKey,
      credentials.sessionToken,
    ),
    region: options.region ?? REGION,
    service: options.service ?? 'iotdevicegateway',
    date: options.date ?? new Date(),
    signed_body_value: auth.AwsSignedBodyValue.EmptySha256,
    omit_session_token: options.signToken !== true,
  });
  return signed.path;
}

/** What a WebSocket client needs to use the URL: the CA, and the `Host` that was signed. */
export function wsOptions(world: DeviceWorld): { ca: string; headers: { host: string } } {
  return { ca: world.ca, headers: { host: 'localhost' } };
}
