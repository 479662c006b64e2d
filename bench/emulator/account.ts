/** An emulator in a process of its own, and identities of it, signed in and with the policy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
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
import type { ReadyLine } from '../../src/emulator/emulator.ts';

/** What a Cognito identity connects with. */
export interface BenchIdentity {
  readonly identityId: string;
  readonly accessKeyId: string;
  readonly secretKey: string;
  readonly sessionToken: string;
}

export interface BenchAccount {
  readonly ready: ReadyLine;
  readonly ca: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Quotas are off unless `settings`, arguments of the emulator, say otherwise. */
export async function startAccount(
  users: number,
  settings: readonly string[] = ['--quotas', 'off'],
): Promise<BenchAccount> {
  const child: ChildProcess = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      'src/emulator/main.ts',
      ...settings,
      '--exit-with-stdin',
      '--users',
      String(users),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const { stdout, pid } = child;
  if (!stdout || pid === undefined) throw new Error('the emulator could not be started');
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(stdout).once('line', resolve);
    child.once('exit', () => reject(new Error('the emulator ended before it was ready')));
  });
  const ready = JSON.parse(line) as ReadyLine;
  return {
    ready,
    ca: await readFile(ready.caFile, 'utf8'),
    pid,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Signs seed users in, a few at a time, and attaches the IoT policy to each. */
export async function signIn(ready: ReadyLine, count: number): Promise<BenchIdentity[]> {
  const { region, endpoints, clientId, clientSecret } = ready;
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const idp = new CognitoIdentityProviderClient({ region, endpoint: endpoints.cognitoIdp });
  const pool = new CognitoIdentityClient({ region, endpoint: endpoints.cognitoIdentity });
  const iot = new IoTClient({ region, endpoint: endpoints.iot, credentials });
  const provider = `cognito-idp.${region}.amazonaws.com/${ready.userPoolId}`;
  const one = async ({ username, password }: { username: string; password: string }) => {
    const hash = createHmac('sha256', clientSecret)
      .update(username + clientId)
      .digest('base64');
    const auth = await idp.send(
      new InitiateAuthCommand({
        AuthFlow: 'USER_PASSWORD_AUTH',
        ClientId: clientId,
        AuthParameters: { USERNAME: username, PASSWORD: password, SECRET_HASH: hash },
      }),
    );
    const Logins = { [provider]: auth.AuthenticationResult?.IdToken ?? '' };
    const { IdentityId = '' } = await pool.send(
      new GetIdCommand({ IdentityPoolId: ready.identityPoolId, Logins }),
    );
    const { Credentials } = await pool.send(
      new GetCredentialsForIdentityCommand({ IdentityId, Logins }),
    );
    await iot.send(
      new AttachPolicyCommand({ policyName: ready.iotPolicyName, target: IdentityId }),
    );
    return {
      identityId: IdentityId,
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretKey: Credentials?.SecretKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
  };
  const users = ready.users.slice(0, count);
  const identities: BenchIdentity[] = [];
  for (let at = 0; at < users.length; at += 20) {
    identities.push(...(await Promise.all(users.slice(at, at + 20).map(one))));
  }
  return identities;
}
