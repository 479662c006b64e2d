/**
 * What a single `updateShadow` costs against a bare Yoga mutation that adds one BullMQ job, the two
 * taking turns, and what a row of `updateShadows` of 1,000 costs: the same client, Redis and
 * machine. Authentication, roles, limits, the audit and the index are on; no worker runs.
 */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { RedisServer } from '../../test/support/redisServer.ts';
import { type RunningProcess, startProcess } from '../../test/support/processes.ts';
import { commandLine } from '../commandLine.ts';
import { cpuTimes } from '../fleet/cpu.ts';
import { machineLine } from '../fleet/machine.ts';
import { median } from '../fleet/rounds.ts';
import { loadBatches, ROWS } from './batches.ts';
import { load } from './load.ts';

const text = { type: 'string' } as const;
const USAGE = 'npm run bench:api -- [--rounds 5] [--seconds 5] [--connections 32]';
const values = commandLine(USAGE, { rounds: text, seconds: text, connections: text });
const rounds = Number(values.rounds ?? 5);
const seconds = Number(values.seconds ?? 5);
const connections = Number(values.connections ?? 32);

const IDENTITIES = 100;
const token = randomBytes(24).toString('hex');
const redis = await RedisServer.start();

const start = (program: string, env: Record<string, string>): Promise<RunningProcess> => {
  const profile = process.env.BENCH_CPU_PROFILE;
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  return startProcess('node', ['--import', 'tsx', ...profiling, program], {
    env: { NODE_ENV: 'production', REDIS_URL: redis.url, ...env },
  });
};

const api = await start('src/api/main.ts', {
  API_TOKENS: `bench=operator:${token}`,
  API_PORT: '0',
  API_OPS_PORT: '0',
  // As many points as the bench takes: it is the cost of counting them that is measured.
  API_RATE_POINTS_PER_SECOND: '1000000',
  API_RATE_BURST: '1000000',
  VAULT_KEYS: `bench:${randomBytes(32).toString('base64')}`,
});
const bare = await start(fileURLToPath(new URL('./bareYoga.ts', import.meta.url)), {});
const [, apiUrl = ''] = await api.line(/"url":"(http:[^"]+\/graphql)".*GraphQL is served/);
const [, bareUrl = ''] = await bare.line(/served at (\S+)/);

const QUERY = `mutation ($input: UpdateShadowInput!) {
  updateShadow(input: $input) { ... on UpdateShadowSuccess { update { id } } ... on Error { code } }
}`;
const BARE_QUERY = `mutation ($input: UpdateShadowInput!) {
  updateShadow(input: $input) { update { id } }
}`;

const identityIds = await Promise.all(Array.from({ length: IDENTITIES }, (_, n) => register(n)));

const body = (query: string) => (n: number) =>
  JSON.stringify({
    query,
    variables: {
      input: {
        identityId: identityIds[n % IDENTITIES],
        thing: `device_${n % 1000}`,
        desired: { power: n % 2 === 0 ? 'ON' : 'OFF' },
      },
    },
  });

const sides = {
  courier: { url: apiUrl, body: body(QUERY), pid: api.pid },
  bare: { url: bareUrl, body: body(BARE_QUERY), pid: bare.pid },
};
type Side = keyof typeof sides;
const rates: Record<Side, number[]> = { courier: [], bare: [] };
const cpu: Record<Side, number[]> = { courier: [], bare: [] };
const redisCpu: Record<Side, number[]> = { courier: [], bare: [] };
const batches = { rates: [] as number[], cpu: [] as number[], redisCpu: [] as number[] };

for (let round = 0; round <= rounds; round += 1) {
  for (const side of ['courier', 'bare'] as const) {
    const { url, pid } = sides[side];
    const spent = cpuSince({ api: pid, redis: redis.pid });
    const result = await load({ url, token, connections, seconds, body: sides[side].body });
    const { api: apiUs, redis: redisUs } = spent();
    if (result.odd.size > 0) throw new Error(`${side}: ${JSON.stringify([...result.odd])}`);
    // The first round warms both up.
    if (round === 0) continue;
    rates[side].push(result.requests / result.seconds);
    cpu[side].push(apiUs / result.requests);
    redisCpu[side].push(redisUs / result.requests);
  }
  const spent = cpuSince({ api: api.pid, redis: redis.pid });
  const taken = await loadBatches({ url: apiUrl, token, identityIds, seconds });
  const { api: apiUs, redis: redisUs } = spent();
  if (round > 0) {
    batches.rates.push(taken.rows / taken.seconds);
    batches.cpu.push(apiUs / taken.rows);
    batches.redisCpu.push(redisUs / taken.rows);
  }
  if (round > 0) console.error(`round ${round} of ${rounds}`);
}

console.log(machineLine());
console.log(`${connections} connections, ${rounds} rounds of ${seconds} s each, medians:\n`);
console.log('| | requests/s | CPU of the API, µs | CPU of Redis, µs |');
console.log('| --- | --- | --- | --- |');
for (const side of ['courier', 'bare'] as const) {
  const name = side === 'courier' ? 'updateShadow' : 'bare Yoga, one BullMQ job';
  console.log(
    `| ${name} | ${median(rates[side]).toFixed(0)} | ${median(cpu[side]).toFixed(0)} | ${median(redisCpu[side]).toFixed(0)} |`,
  );
}
console.log(
  `| a row of updateShadows of ${ROWS}, rows/s | ${median(batches.rates).toFixed(0)} | ${median(batches.cpu).toFixed(0)} | ${median(batches.redisCpu).toFixed(0)} |`,
);
const ratio = median(rates.bare) / median(rates.courier);
const cpuRatio = median(cpu.courier) / median(cpu.bare);
console.log(
  `\nupdateShadow costs ${ratio.toFixed(2)} times the bare mutation by requests/s (at most 1.5), ${cpuRatio.toFixed(2)} times its CPU.`,
);
const rowsPerSecond = median(batches.rates);
console.log(`updateShadows takes in ${rowsPerSecond.toFixed(0)} updates/s (at least 10000).`);
await api.stop();
await bare.stop();
await redis.stop();
process.exit(ratio <= 1.5 && rowsPerSecond >= 10_000 ? 0 : 1);

/** Microseconds of CPU time that the two have spent since. */
function cpuSince(pids: { readonly api: number; readonly redis: number }) {
  const before = cpuTimes(pids);
  return () => {
    const after = cpuTimes(pids);
    const of = (name: keyof typeof pids) => (after[name] ?? 0) - (before[name] ?? 0);
    return { api: of('api'), redis: of('redis') };
  };
}

async function register(n: number): Promise<string> {
  const query = `mutation { registerIdentity(input: { username: "user-${n}", password: "a-password" }) {
    ... on RegisterIdentitySuccess { identity { id } } } }`;
  const response = await fetch(apiUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query }),
  });
  const answer = (await response.json()) as {
    data: { registerIdentity: { identity: { id: string } } };
  };
  return answer.data.registerIdentity.identity.id;
}
