import {
  CognitoIdentityClient,
  GetCredentialsForIdentityCommand,
  GetIdCommand,
} from '@aws-sdk/client-cognito-identity';
import {
  CognitoIdentityProviderClient,
  InitiateAuthCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { IoTClient } from '@aws-sdk/client-iot';
import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DEFAULT_CONFIG, type EmulatorConfig } from '../../../src/emulator/config.ts';
import { type ReadyLine, startEmulator } from '../../../src/emulator/emulator.ts';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** AWS's own clients, pointed at an emulator that runs in this process. */
export class TestAccount {
  readonly ready: ReadyLine;
  readonly userPool: CognitoIdentityProviderClient;
  readonly identityPool: CognitoIdentityClient;
  /** As the account's administrator. */
  readonly iot: IoTClient;
  readonly #stop: () => Promise<void>;

  private constructor(ready: ReadyLine, stop: () => Promise<void>) {
    this.ready = ready;
    this.#stop = stop;
    const { region, endpoints } = ready;
    // The SDK's own retries would hide a throttled answer.
    const once = { region, maxAttempts: 1 };
    this.userPool = new CognitoIdentityProviderClient({
      ...once,
      endpoint: endpoints.cognitoIdp,
      credentials: { accessKeyId: 'AKIDADMIN', secretAccessKey: 'any' },
    });
    this.identityPool = new CognitoIdentityClient({ ...once, endpoint: endpoints.cognitoIdentity });
    this.iot = this.iotAs({ accessKeyId: 'AKIDADMIN', secretAccessKey: 'any' });
  }

  static async start(
    config: Partial<EmulatorConfig> = {},
    report: (message: string) => void = () => {},
  ): Promise<TestAccount> {
    const settings = {
      ...DEFAULT_CONFIG,
      quotas: 'off',
      users: 3,
      ...config,
    } as const;
    const emulator = await startEmulator(settings, report);
    return new TestAccount(emulator.ready, () => emulator.stop());
  }

  async stop(): Promise<void> {
    for (const client of [this.userPool, this.identityPool, this.iot]) client.destroy();
    await this.#stop();
  }

  iotAs(credentials: Keys): IoTClient {
    const { region, endpoints } = this.ready;
    return new IoTClient({ region, maxAttempts: 1, endpoint: endpoints.iot, credentials });
  }

  /** The HTTPS data plane, as the administrator unless told otherwise. */
  data(credentials: Keys = { accessKeyId: 'AKIDADMIN', secretAccessKey: 'any' }) {
    const { region, endpoints, caFile } = this.ready;
    return new IoTDataPlaneClient({
      region,
      maxAttempts: 1,
      endpoint: `https://${endpoints.iotData}`,
      credentials,
      requestHandler: { httpsAgent: { ca: readFileSync(caFile) } },
    });
  }

  user(index: number): { readonly username: string; readonly password: string } {
    const user = this.ready.users[index];
    if (user === undefined) throw new Error(`there is no seed user ${index}`);
    return user;
  }

  /** Written out here on purpose, so that it does not rest on the code under test. */
  secretHash(username: string): string {
    const { clientId, clientSecret } = this.ready;
    return createHmac('sha256', clientSecret)
      .update(username + clientId)
      .digest('base64');
  }

  async signIn(index = 0) {
    const { username, password } = this.user(index);
    const answer = await this.initiate('USER_PASSWORD_AUTH', {
      USERNAME: username,
      PASSWORD: password,
      SECRET_HASH: this.secretHash(username),
    });
    const { AccessToken = '', IdToken = '', RefreshToken = '' } = answer.AuthenticationResult ?? {};
    return { AccessToken, IdToken, RefreshToken };
  }

  initiate(
    flow: 'USER_PASSWORD_AUTH' | 'REFRESH_TOKEN_AUTH' | 'USER_SRP_AUTH',
    parameters: Record<string, string>,
    clientId = this.ready.clientId,
  ) {
    return this.userPool.send(
      new InitiateAuthCommand({ AuthFlow: flow, ClientId: clientId, AuthParameters: parameters }),
    );
  }

  logins(idToken: string): Record<string, string> {
    const { region, userPoolId } = this.ready;
    return { [`cognito-idp.${region}.amazonaws.com/${userPoolId}`]: idToken };
  }

  async getId(idToken: string): Promise<string> {
    const answer = await this.identityPool.send(
      new GetIdCommand({
        IdentityPoolId: this.ready.identityPoolId,
        Logins: this.logins(idToken),
      }),
    );
    return answer.IdentityId ?? '';
  }

  async identityId(index = 0): Promise<string> {
    const { IdToken } = await this.signIn(index);
    return this.getId(IdToken);
  }

  async credentials(index = 0) {
    const { IdToken } = await this.signIn(index);
    const answer = await this.identityPool.send(
      new GetCredentialsForIdentityCommand({
        IdentityId: await this.identityId(index),
        Logins: this.logins(IdToken),
      }),
    );
    const {
      AccessKeyId = '',
      SecretKey = '',
      SessionToken = '',
      Expiration,
    } = answer.Credentials ?? {};
    return {
      identityId: answer.IdentityId ?? '',
      expiration: Expiration ?? new Date(0),
      keys: { accessKeyId: AccessKeyId, secretAccessKey: SecretKey, sessionToken: SessionToken },
    };
  }

  /** Posts a body as it is, past the SDK's own checks. */
  async post(target: string, body: string): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(this.ready.endpoints.cognitoIdp, {
      method: 'POST',
      headers: { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.1' },
      body,
    });
    return { status: answer.status, body: await answer.json() };
  }
}
