/** The device side alone, with identities and permissions that a test makes up as it goes. */
import { randomBytes, randomUUID } from 'node:crypto';
import type {
  Authorizer,
  CognitoPrincipal,
  DeviceGateway,
  DeviceGatewayOptions,
  IotAction,
  IotLogEntry,
  IssuedCredentials,
} from '../../../src/emulator/contract.ts';
import { startDeviceGateway } from '../../../src/emulator/gateway.ts';
import { createCertificates } from '../../../src/emulator/tls/certificates.ts';

export const REGION = 'eu-central-1';
export const ACCOUNT = { region: REGION, accountId: '123456789012' };
const ARN = `arn:aws:iot:${REGION}:${ACCOUNT.accountId}:`;

export type MayDo = (action: IotAction, resource: string) => boolean;

export interface Holder {
  readonly credentials: IssuedCredentials;
  readonly identityId: string;
}

export interface DeviceWorld {
  readonly gateway: DeviceGateway;
  readonly ca: string;
  readonly log: readonly IotLogEntry[];
  /** A new identity; `resource` is shown to `mayDo` without its ARN prefix. */
  issue(mayDo?: MayDo, expiresAtMs?: number): Holder;
  /** Replaces what an identity may do, as a policy change that has propagated. */
  permit(holder: Holder, mayDo: MayDo): void;
  stop(): Promise<void>;
}

const everything: MayDo = () => true;

export async function startDeviceWorld(
  options: Partial<DeviceGatewayOptions> = {},
): Promise<DeviceWorld> {
  const issued = new Map<string, IssuedCredentials>();
  const permissions = new Map<string, MayDo>();
  const log: IotLogEntry[] = [];
  let generation = 1;
  const authorizer: Authorizer = {
    get generation() {
      return generation;
    },
    decide(principal, action, resource) {
      const allowed = permissions.get(principal.identityId)?.(
        action,
        resource.slice(resource.startsWith(ARN) ? ARN.length : 0),
      );
      return allowed === true
        ? { allowed }
        : { allowed: false, gate: 'IOT_POLICY', explicit: false };
    },
  };
  const certificates = await createCertificates(Date.now(), undefined);
  const gateway = await startDeviceGateway({
    account: ACCOUNT,
    credentials: { find: (accessKeyId) => issued.get(accessKeyId) },
    authorizer,
    log: {
      write: (entry) =>
        log.push({ timestamp: new Date().toISOString(), accountId: ACCOUNT.accountId, ...entry }),
    },
    tls: { key: certificates.key, cert: certificates.cert },
    ...options,
  });
  return {
    gateway,
    ca: certificates.caCert,
    log,
    issue(mayDo = everything, expiresAtMs = Date.now() + 3_600_000) {
      const principal: CognitoPrincipal = {
        identityId: `${REGION}:${randomUUID()}`,
        roleArn: `arn:aws:iam::${ACCOUNT.accountId}:role/authenticated`,
        principalId: 'AROAEXAMPLE:CognitoIdentityCredentials',
      };
      const credentials: IssuedCredentials = {
        accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
        secretKey: randomBytes(20).toString('base64'),
        sessionToken: randomBytes(60).toString('base64'),
        expiresAtMs,
        principal,
      };
      issued.set(credentials.accessKeyId, credentials);
      permissions.set(principal.identityId, mayDo);
      return { credentials, identityId: principal.identityId };
    },
    permit(holder, mayDo) {
      permissions.set(holder.identityId, mayDo);
      generation += 1;
    },
    stop: () => gateway.stop(),
  };
}
