import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import {
  composeConfig,
  type ComposeService,
  writtenServices,
} from '../operations/support/composeFile.ts';
import { COMPOSE, PROMETHEUS, whyNot } from '../operations/support/tools.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/freePort.ts';
import { type RunningProcess, startProcess } from '../support/processes.ts';

/*
 * No Docker engine runs here. What the image holds is put into a folder as the Dockerfile does it,
 * and what docker-compose.yml says of each service is started there by hand: its command, its
 * environment, its health check. Only addresses, ports and folders are this machine's own.
 */
const reason = whyNot(COMPOSE);
const given = test.skipIf(reason !== undefined);
const suffix = reason === undefined ? '' : `: ${reason}`;
const withPrometheus = test.skipIf(reason !== undefined || whyNot(PROMETHEUS) !== undefined);

const readyLine = z.object({
  userPoolId: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  identityPoolId: z.string(),
  region: z.string(),
  iotPolicyName: z.string(),
  users: z.array(z.object({ username: z.string(), password: z.string() })),
});

const directory = realpathSync(mkdtempSync(join(tmpdir(), 'courier-install-')));
const app = join(directory, 'app');
const data = join(directory, 'data');
let services: Readonly<Record<string, ComposeService>>;
let ports: Readonly<Record<string, string>>;

async function finished(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = await startProcess(command, args, { cwd });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${child.stdout}${child.stderr}`);
}

beforeAll(async () => {
  if (reason !== undefined) return;
  for (const folder of [app, join(data, 'ca'), join(data, 'emulator'), join(data, 'redis')]) {
    mkdirSync(folder, { recursive: true });
  }
  // The stage "dependencies".
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) {
    copyFileSync(file, join(app, file));
  }
  const installed = finished('npm', ['ci', '--omit=dev', '--prefer-offline'], app);
  // The stage "build": the compiler with what this working tree has installed.
  const build = join(directory, 'build');
  mkdirSync(build);
  for (const file of ['package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    copyFileSync(file, join(build, file));
  }
  cpSync('src', join(build, 'src'), { recursive: true });
  symlinkSync(realpathSync('node_modules'), join(build, 'node_modules'));
  const built = finished('npm', ['run', '--silent', 'build'], build);
  await Promise.all([installed, built]);
  cpSync(join(build, 'dist'), join(app, 'dist'), { recursive: true });
  cpSync('infra', join(app, 'infra'), { recursive: true });

  const names = ['4000', '9400', '9401', '9500', '9543', '6379', '9090'];
  const free = await Promise.all(names.map(async (name) => [name, String(await freePort())]));
  ports = Object.fromEntries(free);
  services = composeConfig('local.env', { profile: 'local' });
}, 180_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Names of compose's network, its ports and the image's folders, as they are here. */
function here(text: string): string {
  return text
    .replaceAll(
      /\b(redis|emulator):(\d+)\b/g,
      (_, name: string, port: string) =>
        `${name === 'redis' ? '127.0.0.1' : 'localhost'}:${ports[port]}`,
    )
    .replaceAll(/^emulator$/g, 'localhost')
    .replaceAll(/^(4000|9400|9401|9500|9543)$/g, (port) => ports[port] ?? port)
    .replaceAll(
      /(127\.0\.0\.1|localhost):(\d+)/g,
      (_, host: string, port: string) => `${host}:${ports[port] ?? port}`,
    )
    .replaceAll('0.0.0.0', '127.0.0.1')
    .replaceAll(/^\/data\//g, `${data}/`);
}

function environment(name: string): Record<string, string> {
  const fromFile = parseEnv(readFileSync('local.env', 'utf8'));
  const given = Object.entries(services[name]?.environment ?? {}).flatMap(([variable, value]) => {
    // Without a value it is passed on, where the env file sets it.
    const set = value ?? fromFile[variable];
    return set === undefined ? [] : [[variable, here(String(set))] as const];
  });
  return Object.fromEntries(given);
}

async function start(name: string, more: Record<string, string> = {}): Promise<RunningProcess> {
  const [command = '', ...args] = (services[name]?.command ?? []).map(here);
  const program = command === 'node' ? process.execPath : command;
  const env = { ...environment(name), ...more };
  return startProcess(program, args, { cwd: app, env });
}

/** Runs the health check of a service as it is written. */
async function healthy(name: string): Promise<void> {
  const [, , ...args] = (services[name]?.healthcheck?.test ?? []).map(here);
  await eventually(
    async () => {
      const check = await startProcess(process.execPath, args);
      expect((await check.exited).code, name).toBe(0);
    },
    { deadlineMs: 30_000, intervalMs: 300 },
  );
}

async function graphql(query: string, variables: object): Promise<unknown> {
  const [, token = ''] = (environment('api').API_TOKENS ?? '').split(':');
  const response = await fetch(`http://127.0.0.1:${ports['4000']}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const body = z.looseObject({ data: z.unknown() }).parse(await response.json());
  if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
  return body.data;
}

given(
  `docker compose --profile local up delivers an update, and ends in order${suffix}`,
  async () => {
    const [, ...redisArguments] = services.redis?.command ?? [];
    const redis = await startProcess(
      process.env.REDIS_SERVER_BIN ?? 'redis-server',
      [...redisArguments, '--port', ports['6379'] ?? '', '--bind', '127.0.0.1'],
      { cwd: join(data, 'redis'), readyLine: /Ready to accept connections/ },
    );
    const emulator = await start('emulator');
    const [line] = await emulator.line(/^\{.*\}$/);
    const ready = readyLine.parse(JSON.parse(line));
    await healthy('emulator');

    const local = environment('worker');
    expect(local).toMatchObject({
      AWS_REGION: ready.region,
      COGNITO_USER_POOL_ID: ready.userPoolId,
      COGNITO_CLIENT_ID: ready.clientId,
      COGNITO_CLIENT_SECRET: ready.clientSecret,
      COGNITO_IDENTITY_POOL_ID: ready.identityPoolId,
      IOT_POLICY_NAME: ready.iotPolicyName,
    });

    const api = await start('api');
    const worker = await start('worker');
    // A second container of the service; its port is its own there.
    const second = await start('worker', { WORKER_OPS_PORT: String(await freePort()) });
    await Promise.all([healthy('api'), healthy('worker')]);

    const [user] = ready.users;
    const registered = z
      .object({ result: z.object({ identity: z.object({ id: z.string() }) }) })
      .parse(
        await graphql(
          'mutation ($input: RegisterIdentityInput!) { result: registerIdentity(input: $input) { ... on RegisterIdentitySuccess { identity { id } } } }',
          { input: user },
        ),
      );
    const identityId = registered.result.identity.id;
    const sent = z
      .object({ result: z.object({ update: z.object({ id: z.string() }) }) })
      .parse(
        await graphql(
          'mutation ($input: UpdateShadowInput!) { result: updateShadow(input: $input) { ... on UpdateShadowSuccess { update { id } } } }',
          { input: { identityId, thing: 'device_1', desired: { power: 'ON' } } },
        ),
      );
    await eventually(
      async () => {
        const { updatesById: updates } = z
          .object({
            updatesById: z.array(z.object({ state: z.string(), milestone: z.string().nullable() })),
          })
          .parse(
            await graphql('query ($ids: [ID!]!) { updatesById(ids: $ids) { state milestone } }', {
              ids: [sent.result.update.id],
            }),
          );
        expect(updates).toEqual([{ state: 'SUCCEEDED', milestone: 'ACCEPTED' }]);
      },
      { deadlineMs: 30_000 },
    );
    await eventually(
      async () => {
        const metrics = await (await fetch(`http://127.0.0.1:${ports['9401']}/metrics`)).text();
        expect(metrics).toContain('courier_workers_seen{program="worker"} 2');
      },
      { deadlineMs: 30_000 },
    );

    // As docker compose run --rm api courier vault reencrypt.
    const courier = ['dist/cli/main.js', 'vault', 'reencrypt'];
    const env = environment('api');
    const sealed = await startProcess(process.execPath, courier, { cwd: app, env });
    expect(await sealed.exited, sealed.stderr).toEqual({ code: 0, signal: null });
    expect(sealed.stdout).toContain('1 identities: ');

    // As docker compose down: SIGTERM, and stop_grace_period to end with 0.
    for (const service of [second, worker, api, emulator]) {
      expect(await service.stop({ deadlineMs: 30_000 })).toEqual({ code: 0, signal: null });
    }
    await redis.stop();
  },
);

given(`a service whose variables are missing or wrong says which, and ends${suffix}`, async () => {
  const worker = await start('worker', {
    IOT_ENDPOINT: '',
    COGNITO_USER_POOL_ID: 'not a pool',
    LEASE_MS: 'soon',
  });
  expect((await worker.exited).code).toBe(78);
  const said = worker.stdout + worker.stderr;
  expect(said).toContain('IOT_ENDPOINT is not set');
  expect(said).toContain('COGNITO_USER_POOL_ID is malformed');
  expect(said).toContain('LEASE_MS must be a whole number');
  const api = await start('api', { API_TOKENS: 'short:1', VAULT_KEYS: 'k1:short' });
  expect((await api.exited).code).toBe(78);
  expect(api.stdout + api.stderr).toMatch(/VAULT_KEYS[^]*API_TOKENS/);
  const ca = await start('worker', { IOT_CA_FILE: '/nowhere/ca.pem' });
  expect((await ca.exited).code).toBe(78);
  expect(ca.stdout + ca.stderr).toContain('IOT_CA_FILE cannot be read');
});

withPrometheus('what the prometheus service starts takes the files that are mounted', async () => {
  const mounts = new Map(
    (writtenServices().prometheus?.volumes ?? []).map((volume) => {
      const [from = '', to = ''] = volume.split(':');
      return [to, from] as const;
    }),
  );
  expect(mounts.get('/etc/prometheus/prometheus.yml')).toBe('./prometheus/prometheus.yml');
  expect(mounts.get('/etc/prometheus/rules')).toBe('./prometheus/rules');
  const args = (services.prometheus?.command ?? []).map((argument) =>
    argument
      .replace('=/etc/prometheus/', `=${resolve('prometheus')}/`)
      .replace('=/prometheus', `=${join(data, 'prometheus')}`),
  );
  const listen = `--web.listen-address=127.0.0.1:${ports['9090']}`;
  const prometheus = await startProcess('prometheus', [...args, listen]);
  await prometheus.line(/Server is ready to receive web requests/);
  await prometheus.stop();
});

given(`the courier command runs everything from the production install too${suffix}`, async () => {
  const courier = await startProcess(
    process.execPath,
    ['dist/cli/main.js', 'dev', '--json', '--workers', '1', '--users', '2'],
    { cwd: app },
  );
  const [line] = await courier.line(/^\{.*\}$/, { deadlineMs: 60_000 });
  expect(JSON.parse(line)).toMatchObject({ ready: true });
  expect((await courier.stop({ deadlineMs: 40_000 })).code).toBe(0);
  expect(readFileSync(join(app, 'dist/cli/main.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});
