import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EmulatorConfig } from './config.ts';
import type { DeviceGateway } from './contract.ts';
import { startDeviceGateway } from './gateway.ts';
import { controlEndpoint } from './http/controlEndpoint.ts';
import { startHttpServer } from './http/server.ts';
import { IotLogSink } from './log/iotLogSink.ts';
import { logRoute } from './log/logRoute.ts';
import { provision } from './provision/provision.ts';
import { createCertificates } from './tls/certificates.ts';
import { createSigningKey } from './userPool/tokens.ts';
import { wellKnownAnswer } from './userPool/wellKnown.ts';
import { createIdentitySide } from './world/identitySide.ts';
import { ledgerRoute } from './log/ledgerRoute.ts';
import { addSeedUsers, type SeedUser } from './world/seedUsers.ts';
import { SeededNames } from './world/seededNames.ts';

/** What a client needs to use the emulator; printed by `main.ts`, one JSON line. */
export interface ReadyLine {
  readonly ready: true;
  readonly region: string;
  readonly userPoolId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly identityPoolId: string;
  readonly iotPolicyName: string;
  readonly endpoints: {
    readonly cognitoIdp: string;
    readonly cognitoIdentity: string;
    readonly iot: string;
    /** `localhost:PORT`, TLS: MQTT over wss at `/mqtt` and the HTTPS data plane. */
    readonly iotData: string;
  };
  /** PEM file of the CA that signed the TLS certificate; removed at the end. */
  readonly caFile: string;
  readonly users: readonly SeedUser[];
}

export interface RunningEmulator {
  readonly ready: ReadyLine;
  /** The device side, for tests and benches that run in this process. */
  readonly gateway: DeviceGateway;
  /** Idempotent. */
  stop(): Promise<void>;
}

const DEFAULT_TEMPLATE = fileURLToPath(new URL('../../infra/template.yaml', import.meta.url));

/**
 * Starts every service of the emulated account. Throws where the template is not usable or a
 * port is taken; what was started until then is stopped again.
 */
export async function startEmulator(
  config: EmulatorConfig,
  report: (message: string) => void = () => {},
): Promise<RunningEmulator> {
  const releases: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let release = releases.pop(); release; release = releases.pop()) await release();
  };
  try {
    return { ...(await start(config, report, (release) => releases.push(release))), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  config: EmulatorConfig,
  report: (message: string) => void,
  onStop: (release: () => Promise<void>) => void,
): Promise<Omit<RunningEmulator, 'stop'>> {
  const now = Date.now;
  const account = { region: config.region, accountId: config.accountId };
  const names = new SeededNames(config.seed);
  const template = await readFile(config.template ?? DEFAULT_TEMPLATE, 'utf8');
  const provisioned = provision(template, account, names);
  const [client] = provisioned.userPool.clients;
  const [iotPolicy] = provisioned.iotPolicies;

  const directory = await mkdtemp(join(tmpdir(), 'courier-emulator-'));
  onStop(() => rm(directory, { recursive: true, force: true }));
  const certificates = await createCertificates(now());
  const caFile = join(directory, 'ca.pem');
  await writeFile(caFile, certificates.caCert);

  const log = new IotLogSink(account.accountId, now, config.log);
  onStop(() => log.close());

  let iotData = '';
  const identitySide = createIdentitySide({
    config,
    account,
    names,
    provisioned,
    key: await createSigningKey(),
    now,
    dataEndpoint: () => iotData,
  });
  for (const policy of provisioned.iotPolicies) {
    identitySide.iotControl.policies.create(policy.name, policy.document);
  }
  const users = addSeedUsers(identitySide.userPool.users, names, config.users, now());

  const gateway = await startDeviceGateway({
    account,
    credentials: identitySide.credentials,
    authorizer: identitySide.authorizer,
    log,
    tls: { key: certificates.key, cert: certificates.cert },
    port: config.tlsPort,
    quotas: config.quotas,
    timeScale: config.timeScale,
    scaleQuotas: config.scaleQuotas,
    ...(config.administrator === undefined ? {} : { administrator: config.administrator }),
    now,
  });
  onStop(() => gateway.stop());
  iotData = `localhost:${gateway.port}`;

  const http = await startHttpServer(
    {
      services: identitySide.services,
      responders: [
        controlEndpoint([
          { method: 'GET', path: '/health', answer: () => ({ status: 'ok' }) },
          { method: 'GET', path: '/stats', answer: () => gateway.stats() },
          { method: 'GET', path: '/outputs', answer: () => provisioned.outputs },
          logRoute(log),
          ledgerRoute(gateway.ledger),
        ]),
        (exchange) =>
          wellKnownAnswer(exchange, provisioned.userPool.userPoolId, identitySide.userPool.tokens),
        identitySide.iotControl.respond,
      ],
      onFault: (error, exchange) => {
        const place = exchange === undefined ? 'a request' : `${exchange.method} ${exchange.url}`;
        report(`fault on ${place}: ${error instanceof Error ? error.stack : String(error)}`);
      },
    },
    config.httpPort,
  );
  onStop(() => http.stop());

  const url = `http://127.0.0.1:${http.port}`;
  return {
    gateway,
    ready: {
      ready: true,
      region: account.region,
      userPoolId: provisioned.userPool.userPoolId,
      clientId: client?.clientId ?? '',
      clientSecret: client?.clientSecret ?? '',
      identityPoolId: provisioned.identityPool.identityPoolId,
      iotPolicyName: iotPolicy?.name ?? '',
      endpoints: { cognitoIdp: url, cognitoIdentity: url, iot: url, iotData },
      caFile,
      users,
    },
  };
}
