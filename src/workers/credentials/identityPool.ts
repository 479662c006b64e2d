import {
  type CognitoIdentityClient,
  GetCredentialsForIdentityCommand,
  GetIdCommand,
} from '@aws-sdk/client-cognito-identity';
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
  async identityId(idToken: string): Promise<string> {
    const output = await this.#client.send(
      new GetIdCommand({
        IdentityPoolId: this.#identityPoolId,
        Logins: { [this.#provider]: idToken },
      }),
    );
    if (output.IdentityId === undefined) throw new Error('GetId answered without an identity id');
    return output.IdentityId;
  }

  /** Credentials for one hour. @throws the AWS SDK's exceptions */
  async credentials(identityId: string, idToken: string): Promise<TemporaryCredentials> {
    const { Credentials: given } = await this.#client.send(
      new GetCredentialsForIdentityCommand({
        IdentityId: identityId,
        Logins: { [this.#provider]: idToken },
      }),
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
