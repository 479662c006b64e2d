import type { WorkerConfig } from '../../shared/config/worker.ts';
import { type ObserverDependencies, PresenceObserver } from './presenceObserver.ts';
import { PresenceRecords } from './presenceRecords.ts';

/** A server takes a client for gone after one and a half times its keep-alive; so do we. */
const UNNOTICED_MS_PER_KEEP_ALIVE_SECOND = 1500;

/** Undefined where the deployment observes nobody. */
export function createPresenceObserver(
  config: WorkerConfig,
  worker: string,
  deps: Omit<ObserverDependencies, 'records' | 'username'>,
): PresenceObserver | undefined {
  const username = config.PRESENCE_USERNAME;
  if (username === undefined) return undefined;
  const records = new PresenceRecords(deps.redis, deps.keys, {
    worker,
    kept: config.PRESENCE_CLIENTS,
    everyMs: config.SWEEP_MS,
    unnoticedMs: config.KEEP_ALIVE_SECONDS * UNNOTICED_MS_PER_KEEP_ALIVE_SECOND,
  });
  return new PresenceObserver({ ...deps, records, username });
}
