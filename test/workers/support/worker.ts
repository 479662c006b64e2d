import { pino } from 'pino';
import { loadWorkerConfig } from '../../../src/shared/config/worker.ts';
import type { Environment } from '../../../src/shared/config/env.ts';
import { joinDeployment } from '../../../src/shared/store/deployment.ts';
import { assembleWorker } from '../../../src/workers/assemble.ts';
import { EventBus } from '../../../src/workers/events.ts';
import type { ShardKeeper } from '../../../src/workers/fleet/shardKeeper.ts';
import { connectionSettings, workerName } from '../../../src/workers/settings.ts';

export interface InProcessWorker {
  readonly events: EventBus;
  readonly keeper: ShardKeeper;
  /** What it logged so far, every level. */
  readonly logged: () => string;
  /** As SIGTERM: drains, hands its shards over, lets go of everything. */
  stop(): Promise<void>;
}

const DRAIN_MS = 20_000;

/** A worker in this process, of the parts that `src/workers/main.ts` runs. */
export async function startWorker(env: Environment): Promise<InProcessWorker> {
  const config = loadWorkerConfig(env);
  const settings = connectionSettings(config);
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const worker = workerName(config);
  const events = new EventBus(log);
  const metricsUrl = () => 'http://in.process/metrics';
  const parts = assembleWorker({ config, settings, worker, log, events, metricsUrl });
  const { redis, queueRedis, keys, keeper, guard } = parts;
  for (const connection of [redis, queueRedis]) connection.on('error', () => undefined);
  await joinDeployment(redis, keys, config.SHARD_COUNT);
  await guard.start();
  const running = keeper.asService();
  await running.start();
  await parts.deliverer.start();
  return {
    events,
    keeper,
    logged: () => lines.join(''),
    stop: async () => {
      await parts.deliverer.stop(AbortSignal.timeout(DRAIN_MS));
      await running.stop(AbortSignal.timeout(DRAIN_MS));
      await guard.stop(AbortSignal.timeout(DRAIN_MS));
      await parts.close();
    },
  };
}
