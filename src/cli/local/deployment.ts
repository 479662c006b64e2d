import { randomBytes } from 'node:crypto';
import { type Child, type Exit, howItEnded } from './childProcess.ts';
import { awsVariables, type LocalEmulator, startEmulator } from './emulator.ts';
import { tuning } from './environment.ts';
import { type ApiProcess, type FleetProcess, startApi, startWorker } from './fleet.ts';
import { Ground } from './ground.ts';
import { type LocalRedis, startRedisServer } from './redisServer.ts';

export interface DeploymentOptions {
  readonly workers: number;
  /** Users that the emulator's user pool starts with. */
  readonly users: number;
  readonly env: NodeJS.ProcessEnv;
  /** Whether settings of API and worker in `env` reach them. */
  readonly tuned: boolean;
  /** Settings of API and workers on top. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called with every process that is up. */
  readonly onUp?: (child: Child) => void;
  /** Called with a process that ended although nobody stopped it, once all had started. */
  readonly onDown: (child: Child, exit: Exit) => void;
  /** Aborting it gives the start up. */
  readonly signal: AbortSignal;
}

/** Everything on one machine: Redis, the emulator, an API and workers, a process each. */
export interface Deployment {
  readonly redis: LocalRedis;
  readonly emulator: LocalEmulator;
  readonly api: ApiProcess;
  readonly workers: readonly FleetProcess[];
  /** Bearer token of the API; made for this deployment and gone with it. */
  readonly token: string;
  /** Stops it in order; an abort of `deadline` kills. Answers who had to be killed. */
  stop(deadline: AbortSignal): Promise<readonly string[]>;
}

/**
 * Starts a deployment, or leaves nothing behind.
 * @throws CliFailure that names the process which did not start, or the signal's reason.
 */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const ground = new Ground(options.env);
  const undone = new Promise<never>((_, reject) => {
    ground.onExit = (child, exit) => reject(child.failure(howItEnded(child.name, exit)));
    options.signal.addEventListener('abort', () => reject(options.signal.reason), { once: true });
  });
  try {
    const parts = await Promise.race([startAll(ground, options), undone]);
    ground.onExit = options.onDown;
    return { ...parts, stop: (deadline) => ground.stop(deadline) };
  } catch (error) {
    await ground.stop(AbortSignal.timeout(5000));
    throw error;
  }
}

async function startAll(
  ground: Ground,
  options: DeploymentOptions,
): Promise<Omit<Deployment, 'stop'>> {
  const up = <T extends { readonly child: Child }>(started: T): T => {
    ground.watch(started.child);
    options.onUp?.(started.child);
    return started;
  };
  const redis = up(await startRedisServer(ground));
  const emulator = up(await startEmulator(ground, { users: options.users }));
  const token = randomBytes(24).toString('hex');
  const common = {
    LOG_LEVEL: 'info',
    ...(options.tuned ? tuning(options.env) : {}),
    ...options.settings,
    REDIS_URL: redis.url,
    VAULT_KEYS: `local:${randomBytes(32).toString('base64')}`,
  };
  const forWorkers = { ...common, ...awsVariables(emulator.ready) };
  const names = Array.from({ length: options.workers }, (_, index) => `worker-${index + 1}`);
  const [api, ...workers] = await Promise.all([
    startApi(ground, { ...common, API_TOKENS: `local:${token}` }).then(up),
    ...names.map((name) => startWorker(ground, name, forWorkers).then(up)),
  ]);
  return { redis, emulator, token, api, workers };
}

/** /metrics of the API and of every worker. */
export function metricsUrls(deployment: Deployment): readonly string[] {
  return [deployment.api, ...deployment.workers].map((process) => process.metrics);
}
