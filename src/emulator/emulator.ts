import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EmulatorConfig } from './config.ts';
import type { DeviceGateway } from './contract.ts';
import { DeviceSimulation } from './devices/simulation.ts';
import { actionRoutes } from './faults/actionRoutes.ts';
import { deviceFaultRoutes, faultRoutes } from './faults/controlRoutes.ts';
import { OperationFaults } from './faults/operationFaults.ts';
import { FaultRegistry } from './faults/registry.ts';
import { startDeviceGateway } from './gateway.ts';
import { controlEndpoint } from './http/controlEndpoint.ts';
import { startHttpServer } from './http/server.ts';
import { IotLogSink } from './log/iotLogSink.ts';
import { ledgerRoute } from './log/ledgerRoute.ts';
import { logRoute } from './log/logRoute.ts';
import { provision, type ProvisionedAccount } from './provision/provision.ts';
import { createCertificates } from './tls/certificates.ts';
import { createPrivateJwk, readSigningKey } from './userPool/tokens.ts';
import { wellKnownAnswer } from './userPool/wellKnown.ts';
import { AwsClock } from './world/awsClock.ts';
import { createIdentitySide, type IdentitySide } from './world/identitySide.ts';
import { exportIdentityState, importIdentityState } from './world/identityState.ts';
import { addSeedUsers, type SeedUser } from './world/seedUsers.ts';
import { SeededNames } from './world/seededNames.ts';
import { readState, StateError, StateSaver } from './world/stateFile.ts';

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
    /** `host:PORT`, TLS: MQTT over wss at `/mqtt` and the HTTPS data plane. */
    readonly iotData: string;
  };
  /** PEM file of the CA that signed the TLS certificate; removed at the end unless its place was given. */
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
const DEVICE_PREFIX = 'device_';

/**
 * Starts every service of the emulated account. Throws TemplateError or StateError where a file
 * is not usable, or what `listen` throws; what was started until then is stopped again.
 */
export async function startEmulator(
  config: EmulatorConfig,
  report: (message: string) => void = () => {},
): Promise<RunningEmulator> {
  const releases: (() => Promise<void> | void)[] = [];
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
  onStop: (release: () => Promise<void> | void) => void,
): Promise<Omit<RunningEmulator, 'stop'>> {
  const account = { region: config.region, accountId: config.accountId };
  const clock = new AwsClock();
  clock.skewMs = config.clockSkewMs;
  const stored = config.state === undefined ? undefined : await readState(config.state);
  if (stored !== undefined && stored.region !== account.region) {
    throw new StateError(`The state file is of Region ${stored.region}, not ${account.region}`);
  }
  const names =
    stored === undefined ? SeededNames.fromSeed(config.seed) : SeededNames.fromKey(stored.namesKey);
  const template = await readFile(config.template ?? DEFAULT_TEMPLATE, 'utf8');
  const provisioned = provision(template, account, names);
  const privateJwk = stored?.signingKey ?? (await createPrivateJwk());

  const directory = await mkdtemp(join(tmpdir(), 'courier-emulator-'));
  onStop(() => rm(directory, { recursive: true, force: true }));
  const certificates = await createCertificates(Date.now(), stored?.ca, config.hostname);
  const caFile = config.caFile ?? join(directory, 'ca.pem');
  await writeFile(caFile, certificates.caCert);

  const log = new IotLogSink(account.accountId, Date.now, config.log);
  onStop(() => log.close());

  const stopping = new AbortController();
  const faults = new FaultRegistry(names);
  for (const rule of config.faults) faults.add(rule);
  const operations = new OperationFaults(faults, stopping.signal);

  let iotData = '';
  const identitySide = createIdentitySide({
    config,
    account,
    names,
    provisioned,
    key: await readSigningKey(privateJwk),
    now: clock.now,
    dataEndpoint: () => iotData,
    before: operations.before,
  });
  if (stored !== undefined) importIdentityState(identitySide, stored);
  createMissingPolicies(identitySide, provisioned);
  const users = addSeedUsers(identitySide.userPool.users, names, config.users, Date.now());

  const gateway = await startDeviceGateway({
    account,
    credentials: identitySide.credentials,
    authorizer: identitySide.authorizer,
    log,
    tls: { key: certificates.key, cert: certificates.cert },
    port: config.tlsPort,
    ...(config.listen === undefined ? {} : { hosts: config.listen }),
    quotas: config.quotas,
    timeScale: config.timeScale,
    scaleQuotas: config.scaleQuotas,
    ...(config.administrator === undefined ? {} : { administrator: config.administrator }),
    signatureNow: clock.now,
    beforeDataPlane: operations.beforeDataPlane,
    // One seed for everything that is drawn, unless the device side is given its own.
    settings: {
      faultSeed: Math.floor(names.fraction('device-faults') * 2 ** 32),
      ...config.settings,
    },
    ...(stored === undefined ? {} : { state: stored.device }),
  });
  onStop(() => gateway.stop());
  iotData = `${config.hostname}:${gateway.port}`;
  gateway.faults.set(config.deviceFaults);

  const devices = new DeviceSimulation({
    count: config.devices,
    prefix: DEVICE_PREFIX,
    mix: config.deviceMix,
    names,
    connect: (clientId) => gateway.localClient(clientId),
  });
  devices.start();
  onStop(() => devices.stop());

  if (config.state !== undefined) {
    const saver = new StateSaver(
      config.state,
      () => ({
        format: 'shadow-courier-emulator/1',
        ...account,
        namesKey: names.exportKey(),
        signingKey: { ...privateJwk, kty: 'RSA' },
        ca: { key: certificates.caKey, cert: certificates.caCert },
        ...exportIdentityState(identitySide),
        device: gateway.exportState(),
      }),
      (error) => report(`the state could not be saved: ${String(error)}`),
    );
    onStop(() => saver.stop());
  }

  const http = await startHttpServer(
    {
      services: identitySide.services,
      responders: [
        controlEndpoint([
          { method: 'GET', path: '/health', answer: () => ({ status: 'ok' }) },
          {
            method: 'GET',
            path: '/stats',
            answer: () => ({
              ...gateway.stats(),
              callsThrottled: identitySide.quotas.refused,
              simulation: devices.stats(),
            }),
          },
          { method: 'GET', path: '/outputs', answer: () => provisioned.outputs },
          logRoute(log),
          ledgerRoute(gateway.ledger),
          ...faultRoutes(faults),
          ...deviceFaultRoutes(gateway.faults),
          ...actionRoutes({ identitySide, deviceSide: gateway.faults, operations, clock }),
        ]),
        (exchange) =>
          wellKnownAnswer(exchange, provisioned.userPool.userPoolId, identitySide.userPool.tokens),
        identitySide.iotControl.respond,
      ],
      before: operations.before,
      now: clock.now,
      onFault: (error, exchange) => {
        const place = exchange === undefined ? 'a request' : `${exchange.method} ${exchange.url}`;
        report(`fault on ${place}: ${error instanceof Error ? error.stack : String(error)}`);
      },
    },
    config.listen ?? ['127.0.0.1'],
    config.httpPort,
  );
  onStop(() => {
    stopping.abort();
    return http.stop();
  });

  // Where nothing else is asked for it is IPv4 loopback alone, which `localhost` may not mean.
  const httpHost = config.listen === undefined ? '127.0.0.1' : config.hostname;
  const url = `http://${httpHost}:${http.port}`;
  const [client] = provisioned.userPool.clients;
  return {
    gateway,
    ready: {
      ready: true,
      region: account.region,
      userPoolId: provisioned.userPool.userPoolId,
      clientId: client?.clientId ?? '',
      clientSecret: client?.clientSecret ?? '',
      identityPoolId: provisioned.identityPool.identityPoolId,
      iotPolicyName: provisioned.iotPolicies[0]?.name ?? '',
      endpoints: { cognitoIdp: url, cognitoIdentity: url, iot: url, iotData },
      caFile,
      users,
    },
  };
}

/** The template's policies, save those that an earlier run's state has brought back. */
function createMissingPolicies(side: IdentitySide, provisioned: ProvisionedAccount): void {
  const { policies } = side.iotControl;
  const known = new Set(policies.all().map((policy) => policy.name));
  for (const policy of provisioned.iotPolicies) {
    if (!known.has(policy.name)) policies.provision(policy.name, policy.document);
  }
}
