import { z } from 'zod';
import type { Child } from './childProcess.ts';
import type { Ground } from './ground.ts';

const READY_MS = 60_000;

const emulatorReady = z.object({
  ready: z.literal(true),
  region: z.string(),
  userPoolId: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  identityPoolId: z.string(),
  iotPolicyName: z.string(),
  endpoints: z.object({
    cognitoIdp: z.string(),
    cognitoIdentity: z.string(),
    iot: z.string(),
    iotData: z.string(),
  }),
  caFile: z.string(),
  users: z.array(z.object({ username: z.string(), password: z.string() })),
});
export type EmulatorReady = z.infer<typeof emulatorReady>;

/**
 * The emulator takes any access key that it did not issue for the account's administrator's, as
 * which the workers attach policies.
 */
export const ADMINISTRATOR = {
  accessKeyId: 'AKIALOCALADMINISTRATOR',
  secretAccessKey: 'local-administrator-of-the-emulator',
} as const;

export interface LocalEmulator {
  readonly child: Child;
  readonly ready: EmulatorReady;
  /** The line as the emulator said it, with whatever else it may hold. */
  readonly line: unknown;
}

export async function startEmulator(
  ground: Ground,
  settings: { readonly users: number },
): Promise<LocalEmulator> {
  const args = ['--users', String(settings.users), '--quotas', 'default'];
  const child = ground.spawnProgram('emulator', { name: 'emulator', args });
  const found = await child.line(readReadyLine, READY_MS);
  return { child, ...found };
}

function readReadyLine(line: string): { ready: EmulatorReady; line: unknown } | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const json: unknown = JSON.parse(line);
    const ready = emulatorReady.safeParse(json);
    return ready.success ? { ready: ready.data, line: json } : undefined;
  } catch {
    return undefined;
  }
}

/** The worker's environment for this emulator instead of AWS. */
export function awsVariables(
  emulator: Omit<EmulatorReady, 'ready' | 'users'>,
): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: ADMINISTRATOR.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ADMINISTRATOR.secretAccessKey,
    AWS_REGION: emulator.region,
    COGNITO_USER_POOL_ID: emulator.userPoolId,
    COGNITO_CLIENT_ID: emulator.clientId,
    COGNITO_CLIENT_SECRET: emulator.clientSecret,
    COGNITO_IDENTITY_POOL_ID: emulator.identityPoolId,
    IOT_POLICY_NAME: emulator.iotPolicyName,
    IOT_ENDPOINT: emulator.endpoints.iotData,
    IOT_CA_FILE: emulator.caFile,
    COGNITO_IDP_ENDPOINT: emulator.endpoints.cognitoIdp,
    COGNITO_IDENTITY_ENDPOINT: emulator.endpoints.cognitoIdentity,
    IOT_CONTROL_ENDPOINT: emulator.endpoints.iot,
  };
}
