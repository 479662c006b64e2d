import type { Registry } from 'prom-client';
import type { Redis } from 'ioredis';
import { CONNECTION_STATES, OPEN_STATES, WAIT_REASONS } from '../../shared/domain/sets.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import type { Budgets } from '../budgets/budgets.ts';
import type { ShardKeeper } from '../fleet/shardKeeper.ts';
import { gaugeOnScrape } from './workerMetrics.ts';

/**
 * What a worker holds now. Gauges of queues cover the shards that it owns, so that their sum over
 * the workers is the fleet.
 */
export function registerFleetGauges(
  registry: Registry,
  deps: { keeper: ShardKeeper; budgets: Budgets; redis: Redis; keys: Keys },
): void {
  const { keeper, budgets } = deps;
  const shards = () => [...keeper.runtimes].map((runtime) => deps.keys.shard(runtime.lease.shard));

  gaugeOnScrape(registry, 'courier_leases_held', 'Shards that this worker owns', [], (gauge) => {
    gauge.set(keeper.shardsHeld);
  });
  gaugeOnScrape(registry, 'courier_workers_seen', 'Workers that beat', [], (gauge) => {
    gauge.set(keeper.membersSeen);
  });
  gaugeOnScrape(
    registry,
    'courier_connections',
    'Identity connections by state',
    ['state'],
    (gauge) => {
      for (const state of CONNECTION_STATES) gauge.set({ state }, 0);
      for (const runtime of keeper.runtimes) {
        for (const state of runtime.connectionStates()) gauge.inc({ state });
      }
    },
  );
  gaugeOnScrape(
    registry,
    'courier_credentials_expire_seconds',
    'Until the first of the temporary credentials in use expires; absent without any',
    [],
    (gauge) => {
      const expiries = [...keeper.runtimes].flatMap((runtime) => [...runtime.credentialExpiries()]);
      gauge.reset();
      if (expiries.length > 0) gauge.set((Math.min(...expiries) - Date.now()) / 1000);
    },
  );
  gaugeOnScrape(
    registry,
    'courier_budget_waiting',
    'Callers that wait for an account-wide budget',
    ['budget'],
    (gauge) => {
      for (const budget of Object.values(budgets)) {
        gauge.set({ budget: budget.name }, budget.waiting);
      }
    },
  );
  gaugeOnScrape(
    registry,
    'courier_updates_open',
    'Updates that are not settled, by state',
    ['state'],
    async (gauge) => {
      const counts = await Promise.all(
        shards().map((keys) => deps.redis.hmget(keys.counts, ...OPEN_STATES)),
      );
      OPEN_STATES.forEach((state, index) => {
        const sum = counts.reduce((total, row) => total + Number(row[index] ?? 0), 0);
        gauge.set({ state }, sum);
      });
    },
  );
  gaugeOnScrape(
    registry,
    'courier_lanes_waiting',
    'Lanes whose head waits, by reason',
    ['reason'],
    async (gauge) => {
      for (const reason of WAIT_REASONS) gauge.set({ reason }, 0);
      const rows = await Promise.all(shards().map((keys) => deps.redis.hvals(keys.waiting)));
      for (const entry of rows.flat()) gauge.inc({ reason: entry.split('|')[0] ?? '' });
    },
  );
  gaugeOnScrape(
    registry,
    'courier_oldest_update_age_seconds',
    'Age of the oldest update that is not settled; 0 without any',
    [],
    async (gauge) => {
      const heads = await Promise.all(
        shards().map((keys) => deps.redis.zrange(keys.lanes, '0', '0', 'WITHSCORES')),
      );
      const oldest = Math.min(...heads.map(([, createdAt]) => Number(createdAt ?? Date.now())));
      gauge.set(Number.isFinite(oldest) ? Math.max(0, (Date.now() - oldest) / 1000) : 0);
    },
  );
  gaugeOnScrape(
    registry,
    'courier_identities_quarantined',
    'Identities that wait for a probe',
    [],
    async (gauge) => {
      const counts = await Promise.all(shards().map((keys) => deps.redis.zcard(keys.quarantined)));
      gauge.set(counts.reduce((sum, count) => sum + count, 0));
    },
  );
}
