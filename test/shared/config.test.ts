import { expect, test } from 'vitest';
import { API_VARIABLES, loadApiConfig } from '../../src/shared/config/api.ts';
import type { Environment, VariableTable } from '../../src/shared/config/env.ts';
import { loadWorkerConfig, WORKER_VARIABLES } from '../../src/shared/config/worker.ts';
import { CourierError } from '../../src/shared/errors/courierError.ts';

const VAULT_KEY = `k1:${Buffer.alloc(32, 5).toString('base64')}`;

const WORKER: Environment = {
  VAULT_KEYS: VAULT_KEY,
  AWS_REGION: 'eu-west-1',
  COGNITO_USER_POOL_ID: 'eu-west-1_AbCdEfGhI',
  COGNITO_CLIENT_ID: '1example23456789',
  COGNITO_IDENTITY_POOL_ID: 'eu-west-1:12345678-1234-1234-1234-123456789012',
  IOT_POLICY_NAME: 'courier-device',
  IOT_ENDPOINT: 'abc123-ats.iot.eu-west-1.amazonaws.com',
};
const API: Environment = { VAULT_KEYS: VAULT_KEY, API_TOKENS: 'tools:0123456789abcdef' };

function problemsOf(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof CourierError && error.code === 'CONFIG_INVALID') {
      return error.message.split('\n').slice(1);
    }
  }
  throw new Error('it was taken');
}

const required = (table: VariableTable, env: Environment) =>
  Object.keys(table).filter((name) => env[name] !== undefined);

test('what is set is read, and the rest has the documented defaults', () => {
  const config = loadWorkerConfig(WORKER);
  expect(config).toMatchObject({
    SHARD_COUNT: 64,
    LEASE_MS: 10_000,
    REDIS_URL: 'redis://127.0.0.1:6379',
  });
  expect(config.COGNITO_CLIENT_SECRET).toBeUndefined();
  expect(loadApiConfig(API).API_TOKENS).toEqual([
    { actor: 'tools', role: 'admin', token: '0123456789abcdef' },
  ]);
});

test('an empty environment is told every variable that has no default, at once', () => {
  for (const [load, table, env] of [
    [loadWorkerConfig, WORKER_VARIABLES, WORKER],
    // Without API_TOKENS it listens on this machine only.
    [loadApiConfig, API_VARIABLES, { VAULT_KEYS: VAULT_KEY }],
  ] as const) {
    const problems = problemsOf(() => load({}));
    expect(problems.map((line) => line.split(' ')[3])).toEqual(required(table, env));
    for (const line of problems) expect(line).toContain('is not set: ');
  }
});

test('without authentication the API listens on this machine only, and says what to set', () => {
  for (const API_HOST of ['0.0.0.0', '::', '192.0.2.1', '127.0.0.1.example.com']) {
    const [problem] = problemsOf(() => loadApiConfig({ VAULT_KEYS: VAULT_KEY, API_HOST }));
    expect(problem).toMatch(
      /API_TOKENS is not set, nor is API_OIDC_ISSUERS.*API_HOST=127\.0\.0\.1/,
    );
  }
  for (const API_HOST of ['127.0.0.1', 'localhost', '::1', undefined]) {
    expect(loadApiConfig({ VAULT_KEYS: VAULT_KEY, API_HOST }).API_TOKENS).toEqual([]);
  }
  expect(loadApiConfig({ ...API, API_HOST: '0.0.0.0' }).API_HOST).toBe('0.0.0.0');
});

test('an issuer goes with an audience and roles, and with algorithms that only it can sign by', () => {
  const ISSUER = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI';
  const sound = {
    VAULT_KEYS: VAULT_KEY,
    API_OIDC_ISSUERS: ISSUER,
    API_OIDC_AUDIENCE: 'an-app, another',
    API_OIDC_ROLES: 'on-call=operator,a=b=admin',
  };
  expect(loadApiConfig(sound)).toMatchObject({
    API_OIDC_ISSUERS: [ISSUER],
    API_OIDC_AUDIENCE: ['an-app', 'another'],
    API_OIDC_ROLES: [
      { value: 'on-call', role: 'operator' },
      { value: 'a=b', role: 'admin' },
    ],
    API_OIDC_ALGORITHMS: ['RS256', 'ES256'],
  });
  const problems = problemsOf(() =>
    loadApiConfig({ ...sound, API_OIDC_AUDIENCE: '', API_OIDC_ROLES: '' }),
  );
  expect(problems.join()).toMatch(/API_OIDC_AUDIENCE is not set.*API_OIDC_ROLES is not set/);
  const refused: readonly [string, string][] = [
    ['API_OIDC_ISSUERS', 'http://idp.example.com'],
    ['API_OIDC_ISSUERS', `${ISSUER},nonsense`],
    ['API_OIDC_JWKS_URL', 'http://idp.example.com/keys'],
    ['API_OIDC_ALGORITHMS', 'none'],
    ['API_OIDC_ALGORITHMS', 'RS256,HS256'],
    ['API_OIDC_ALGORITHMS', ','],
    ['API_OIDC_ROLES', 'on-call=root'],
    ['API_OIDC_ROLES', 'on-call'],
  ];
  for (const [name, value] of refused) {
    const [problem] = problemsOf(() => loadApiConfig({ ...sound, [name]: value }));
    expect(problem).toContain(name);
  }
});

test('an empty value counts as not set', () => {
  expect(problemsOf(() => loadWorkerConfig({ ...WORKER, AWS_REGION: '' }))).toHaveLength(1);
  expect(loadWorkerConfig({ ...WORKER, LEASE_MS: '' }).LEASE_MS).toBe(10_000);
});

const MALFORMED: Environment = {
  REDIS_URL: 'http://redis',
  KEY_PREFIX: 'Courier!',
  SHARD_COUNT: '0',
  VAULT_KEYS: 'k1:c2hvcnQ=',
  LOG_LEVEL: 'loud',
  DRAIN_TIMEOUT_MS: '-1',
  AWS_REGION: 'ireland',
  COGNITO_USER_POOL_ID: 'pool',
  COGNITO_IDENTITY_POOL_ID: 'pool',
  IOT_ENDPOINT: 'https://endpoint',
  COGNITO_IDP_ENDPOINT: 'not a url',
  WORKER_OPS_PORT: '70000',
  LEASE_MS: '1.5',
  AWS_QUOTAS: 'huge',
  MAX_TRIES: 'many',
};

test('every malformed variable is told at once, each with what it is for', () => {
  const problems = problemsOf(() => loadWorkerConfig({ ...WORKER, ...MALFORMED }));
  expect(new Set(problems.map((line) => line.split(' ')[3]))).toEqual(
    new Set(Object.keys(MALFORMED)),
  );
  expect(problems).toHaveLength(Object.keys(MALFORMED).length);
  const table: VariableTable = WORKER_VARIABLES;
  for (const name of Object.keys(MALFORMED)) {
    const line = problems.find((problem) => problem.includes(` ${name} `));
    expect(line).toContain(table[name]?.about ?? name);
  }
});

test('no value is ever repeated: it may be a secret', () => {
  const secret = 'Sup3r-s3cret';
  const everywhere = Object.fromEntries(
    [...Object.keys(WORKER_VARIABLES), ...Object.keys(API_VARIABLES)].map((name) => [name, secret]),
  );
  for (const load of [loadWorkerConfig, loadApiConfig]) {
    expect(problemsOf(() => load(everywhere)).join('\n')).not.toContain(secret);
  }
});

test.each([
  ['one without a name', ':0123456789abcdef'],
  ['one that is too short', 'tools:short'],
  ['one of an unknown role', 'tools=root:0123456789abcdef'],
  ['one without a role after the equals sign', 'tools=:0123456789abcdef'],
  ['one without a colon', '0123456789abcdef0123456789abcdef'],
  ['a good one and a bad one', 'tools:0123456789abcdef,other:'],
])('of the API tokens, %s is refused', (_name, API_TOKENS) => {
  expect(problemsOf(() => loadApiConfig({ ...API, API_TOKENS }))[0]).toContain(
    'API_TOKENS has an entry',
  );
});

test('every variable says what it is for', () => {
  const tables: VariableTable[] = [WORKER_VARIABLES, API_VARIABLES];
  for (const [name, { about }] of tables.flatMap((table) => Object.entries(table))) {
    expect(about.length, name).toBeGreaterThan(10);
  }
});
