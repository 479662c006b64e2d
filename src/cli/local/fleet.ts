import { z } from 'zod';
import type { Child } from './childProcess.ts';
import type { Ground } from './ground.ts';

const READY_MS = 60_000;

const readyLine = z.object({
  msg: z.literal('ready'),
  metrics: z.url(),
  graphql: z.url().optional(),
});

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
  const found = await child.line((line) => {
    const ready = readReadyLine(line);
    return ready?.graphql === undefined
      ? undefined
      : { graphql: ready.graphql, metrics: ready.metrics };
  }, READY_MS);
  return { child, ...found };
}

export async function startWorker(
  ground: Ground,
  name: string,
  env: Variables,
): Promise<FleetProcess> {
  const own = { WORKER_NAME: name, WORKER_OPS_PORT: '0' };
  const child = ground.spawnProgram('worker', { name, env: { ...env, ...own } });
  const { metrics } = await child.line(readReadyLine, READY_MS);
  return { child, metrics };
}

/** API and workers log JSON lines; the one whose `msg` is "ready" says where they serve. */
function readReadyLine(line: string): z.infer<typeof readyLine> | undefined {
  if (!line.includes('"ready"')) return undefined;
  try {
    return readyLine.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
