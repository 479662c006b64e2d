import { auth, type http } from 'aws-iot-device-sdk-v2';

/** Temporary credentials of one Cognito identity. */
export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretKey: string;
  readonly sessionToken: string;
}

/**
 * Signs a WebSocket upgrade as AWS IoT wants it: in the query, service `iotdevicegateway`, no
 * expiry, and the session token added after signing.
 * @throws what aws-crt's signer throws.
 */
export async function signUpgrade(
  request: http.HttpRequest,
  region: string,
  credentials: SigningCredentials,
): Promise<void> {
  await auth.aws_sign_request(request, {
    algorithm: auth.AwsSigningAlgorithm.SigV4,
    signature_type: auth.AwsSignatureType.HttpRequestViaQueryParams,
    provider: auth.AwsCredentialsProvider.newStatic(
      credentials.accessKeyId,
      credentials.secretKey,
      credentials.sessionToken,
    ),
    region,
    service: 'iotdevicegateway',
    signed_body_value: auth.AwsSignedBodyValue.EmptySha256,
    omit_session_token: true,
  });
}
