import {
  type CognitoIdentityClient,
  GetCredentialsForIdentityCommand,
  GetIdCommand,
} from '@aws-sdk/client-cognito-identity';
import { awsCall } from './awsCall.ts';
import type { TemporaryCredentials } from './cachedCredentials.ts';

export interface IdentityPoolSettings {
  readonly region: string;
  readonly userPoolId: string;
  readonly identityPoolId: string;
}

export class IdentityPool {
  readonly #client: CognitoIdentityClient;
  readonly #identityPoolId: string;
  readonly #provider: string;

  constructor(client: CognitoIdentityClient, settings: IdentityPoolSettings) {
    this.#client = client;
    this.#identityPoolId = settings.identityPoolId;
    this.#provider = `cognito-idp.${settings.region}.amazonaws.com/${settings.userPoolId}`;
  }

  /** @throws the AWS SDK's exceptions */
  async identityId(idToken: string, signal: AbortSignal): Promise<string> {
    const command = new GetIdCommand({
      IdentityPoolId: this.#identityPoolId,
      Logins: { [this.#provider]: idToken },
    });
    const output = await awsCall(signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    if (output.IdentityId === undefined) throw new Error('GetId answered without an identity id');
    return output.IdentityId;
  }

  /** Credentials for one hour. @throws the AWS SDK's exceptions */
  async credentials(
    identityId: string,
    idToken: string,
    signal: AbortSignal,
  ): Promise<TemporaryCredentials> {
    const command = new GetCredentialsForIdentityCommand({
      IdentityId: identityId,
      Logins: { [this.#provider]: idToken },
    });
    const { Credentials: given } = await awsCall(signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    if (!given?.AccessKeyId || !given.SecretKey || !given.SessionToken || !given.Expiration) {
      throw new Error('GetCredentialsForIdentity answered without credentials');
    }
    return {
      accessKeyId: given.AccessKeyId,
      secretKey: given.SecretKey,
      sessionToken: given.SessionToken,
      expiresAt: given.Expiration.getTime(),
    };
  }
}
