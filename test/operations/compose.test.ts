import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { Ajv } from 'ajv';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { API_VARIABLES, loadApiConfig } from '../../src/shared/config/api.ts';
import type { VariableTable } from '../../src/shared/config/env.ts';
import { loadWorkerConfig, WORKER_VARIABLES } from '../../src/shared/config/worker.ts';
import { composeConfig, composeDocument, writtenServices } from './support/composeFile.ts';
import { COMPOSE, whyNot } from './support/tools.ts';

const reason = whyNot(COMPOSE);
const given = test.skipIf(reason !== undefined);
const suffix = reason === undefined ? '' : `: ${reason}`;
const services = writtenServices();
const service = (name: string) => {
  const found = services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};

const directory = mkdtempSync(join(tmpdir(), 'courier-compose-'));
afterAll(() => rmSync(directory, { recursive: true }));
const localEnv = () => parseEnv(readFileSync('local.env', 'utf8'));

function envFile(variables: Readonly<Record<string, string | undefined>>): string {
  const file = join(directory, 'test.env');
  const lines = Object.entries(variables).filter(([, value]) => value !== undefined);
  writeFileSync(file, lines.map(([name, value]) => `${name}=${value}\n`).join(''));
  return file;
}

test('docker-compose.yml is what the Compose Specification allows', () => {
  const text = readFileSync('test/operations/fixtures/compose-spec.json', 'utf8');
  const schema = z.looseObject({}).parse(JSON.parse(text));
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#' });
  validate(composeDocument());
  expect(validate.errors ?? []).toEqual([]);
});

given(`Compose takes it, and only the emulator waits for the profile local${suffix}`, () => {
  const composed = composeConfig('local.env', { profile: 'local' });
  const profiles = Object.entries(composed).map(([name, { profiles: of }]) => [name, of]);
  expect(Object.fromEntries(profiles)).toEqual({
    api: [],
    emulator: ['local'],
    grafana: [],
    prometheus: [],
    redis: [],
    worker: [],
  });
});

given(`a variable that must be set and is not is named before anything starts${suffix}`, () => {
  const required = [
    'VAULT_KEYS',
    'API_TOKENS',
    'AWS_REGION',
    'COGNITO_USER_POOL_ID',
    'COGNITO_CLIENT_ID',
    'COGNITO_IDENTITY_POOL_ID',
    'IOT_POLICY_NAME',
    'IOT_ENDPOINT',
    'GRAFANA_ADMIN_PASSWORD',
  ];
  const texts = readFileSync('docker-compose.yml', 'utf8').matchAll(
    /\$\{(\w+):\?(\w+) is not set/g,
  );
  const asked = [...texts].map(([, name, named]) => {
    expect(named).toBe(name);
    return name;
  });
  expect(new Set(asked)).toEqual(new Set(required));
  for (const name of ['VAULT_KEYS', 'COGNITO_CLIENT_ID', 'GRAFANA_ADMIN_PASSWORD']) {
    const without = envFile({ ...localEnv(), [name]: undefined });
    expect(() => composeConfig(without)).toThrow(`${name} is not set in .env`);
  }
});

given(`an optional variable reaches the processes that read it${suffix}`, () => {
  const env = { LEASE_MS: '3000', SHARD_COUNT: '8', API_STORE_TIMEOUT_MS: '700' };
  const { api, worker } = composeConfig('local.env', { env });
  expect(worker?.environment).toMatchObject({ LEASE_MS: '3000', SHARD_COUNT: '8' });
  expect(api?.environment).toMatchObject({ API_STORE_TIMEOUT_MS: '700', SHARD_COUNT: '8' });
});

/** What the AWS SDK reads, and what must differ from container to container. */
const OF_THE_SDK = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'NODE_ENV'];
const PER_PROCESS = ['WORKER_NAME'];

test.each<[string, VariableTable]>([
  ['api', API_VARIABLES],
  ['worker', WORKER_VARIABLES],
])('%s gets every variable that it reads and no secret of the other', (name, table) => {
  const given = Object.keys(service(name).environment).filter(
    (variable) => !OF_THE_SDK.includes(variable),
  );
  const read = Object.keys(table).filter(
    (variable) => !PER_PROCESS.includes(variable) && !OF_THE_SDK.includes(variable),
  );
  expect(new Set(given)).toEqual(new Set(read));
});

test('local.env is sound configuration of API and worker', () => {
  expect(loadApiConfig(localEnv()).API_TOKENS).toHaveLength(1);
  expect(loadWorkerConfig(localEnv()).IOT_ENDPOINT).toBe('emulator:9543');
});

test.each(Object.keys(services))('%s has a health check, a restart policy and limits', (name) => {
  const { healthcheck, restart, deploy, image } = service(name);
  expect(healthcheck?.test[0]).toBe('CMD');
  expect(restart).toBe('unless-stopped');
  expect(deploy?.resources.limits.memory).toMatch(/^\d+[mg]$/);
  // Ours has a name of its own; of the others a version is named.
  expect(image).toMatch(/^\$\{COURIER_IMAGE:-|:v?\d+\.\d+/);
});

test('workers scale: none takes a port of the machine, a name or a container name', () => {
  const { ports, environment, ...rest } = service('worker');
  expect(ports).toEqual([]);
  expect(environment).not.toHaveProperty('WORKER_NAME');
  expect(rest).not.toHaveProperty('container_name');
});

test('what is published stays on this machine unless .env says otherwise', () => {
  const published = Object.values(services).flatMap(({ ports }) => ports);
  expect(published).toHaveLength(3);
  for (const port of published) expect(port).toMatch(/^\$\{\w+_PUBLISH:-127\.0\.0\.1:\d+\}:\d+$/);
});

test('Prometheus asks for each process by the name and port that Compose gives it', () => {
  const config = z
    .object({
      scrape_configs: z.array(
        z.object({
          job_name: z.string(),
          dns_sd_configs: z
            .array(z.object({ names: z.tuple([z.string()]), port: z.number() }))
            .optional(),
        }),
      ),
    })
    .parse(parse(readFileSync('prometheus/prometheus.yml', 'utf8')));
  const found = config.scrape_configs.flatMap(({ job_name, dns_sd_configs = [] }) =>
    dns_sd_configs.map(({ names, port }) => [job_name, names[0], String(port)]),
  );
  expect(found).toEqual([
    ['courier-worker', 'worker', service('worker').environment.WORKER_OPS_PORT],
    ['courier-api', 'api', service('api').environment.API_OPS_PORT],
  ]);
  for (const name of ['api', 'worker']) {
    expect(service(name).environment.OPS_HOST).toBe('0.0.0.0');
  }
});

test('Redis keeps what was accepted: append-only file, no eviction, on a volume', () => {
  const { command = [], volumes } = service('redis');
  expect(command.join(' ')).toContain('--appendonly yes');
  expect(command.join(' ')).toContain('--maxmemory-policy noeviction');
  expect(volumes).toEqual(['redis-data:/data']);
});

test('the image is built in stages, holds no development package and runs as nobody special', () => {
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  expect(dockerfile.match(/^FROM /gm)).toHaveLength(3);
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  expect(dockerfile).toContain('npm ci --omit=dev');
  expect(last).not.toContain('npm');
  expect(last.trim().split('\n').slice(-2)).toEqual([
    'USER node',
    'CMD ["node", "dist/api/main.js"]',
  ]);
  expect(last).toContain('/app/node_modules');
  // The context is a list of what may be sent to the builder; what is copied must be on it.
  const allowed = readFileSync('.dockerignore', 'utf8').split('\n');
  expect(allowed).toContain('*');
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files = '']) =>
    files.split(' '),
  );
  expect(copied.length).toBeGreaterThan(5);
  for (const file of copied) expect(allowed).toContain(`!${file}`);
});
