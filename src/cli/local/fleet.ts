import { z } from 'zod';
import type { Child, LineReader } from './childProcess.ts';
import type { Ground } from './ground.ts';

const READY_MS = 60_000;

export interface FleetProcess {
  readonly child: Child;
  /** URL of its /metrics. */
  readonly metrics: string;
}

export interface ApiProcess extends FleetProcess {
  readonly graphql: string;
}

type Variables = Readonly<Record<string, string>>;

export async function startApi(ground: Ground, env: Variables): Promise<ApiProcess> {
  const free = { API_HOST: '127.0.0.1', API_PORT: '0', API_OPS_PORT: '0' };
  const child = ground.spawnProgram('api', { name: 'api', env: { ...env, ...free } });
  const { metrics, url } = await child.line(readyReader('GraphQL is served'), READY_MS);
  return { child, metrics, graphql: url };
}

export async function startWorker(
  ground: Ground,
  name: string,
  env: Variables,
): Promise<FleetProcess> {
  const own = { WORKER_NAME: name, WORKER_OPS_PORT: '0' };
  const child = ground.spawnProgram('worker', { name, env: { ...env, ...own } });
  const { metrics } = await child.line(readyReader('ready'), READY_MS);
  return { child, metrics };
}

const logLine = z.object({ msg: z.string(), url: z.string().default('') });

/**
 * API and workers log JSON lines: one says where the metrics are, a later one that all is up, and
 * for the API at which URL.
 */
function readyReader(lastMessage: string): LineReader<{ metrics: string; url: string }> {
  let metrics = '';
  return (line) => {
    const said = parseLine(line);
    if (said?.msg === 'metrics and health are served') metrics = said.url;
    return said?.msg === lastMessage ? { metrics, url: said.url } : undefined;
  };
}

function parseLine(line: string): z.infer<typeof logLine> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return logLine.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
