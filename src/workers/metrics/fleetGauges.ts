import { Counter, type Registry } from 'prom-client';
import {
  CONNECTION_STATES,
  type ConnectionState,
  OPEN_STATES,
  WAIT_REASONS,
} from '../../shared/domain/sets.ts';
import { PAUSE_KINDS } from '../../shared/domain/pause.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { PresenceReader } from '../../shared/store/presenceReader.ts';
import type { Budgets } from '../budgets/budgets.ts';
import type { ShardKeeper } from '../fleet/shardKeeper.ts';
import type { PauseWatch } from '../fleet/pauseWatch.ts';
import type { PresenceObserver } from '../presence/presenceObserver.ts';
import { inTime } from './inTime.ts';
import { gaugeOnScrape } from './scrapeGauge.ts';
import { StockReader } from './shardStock.ts';

export interface GaugeDependencies {
  readonly keeper: ShardKeeper;
  readonly pauses: PauseWatch;
  readonly presence: PresenceObserver | undefined;
  readonly budgets: Budgets;
  readonly redis: RedisClient;
  readonly keys: Keys;
  readonly shardCount: number;
}

/**
 * What a worker holds now. Gauges of what is queued cover the shards that it owns, so that their
 * sum over the workers is the fleet.
 */
export function registerFleetGauges(registry: Registry, deps: GaugeDependencies): void {
  registerLeases(registry, deps);
  registerConnections(registry, deps);
  registerStock(registry, deps);
  registerPresence(registry, deps);
  gaugeOnScrape(registry, {
    name: 'courier_pauses',
    help: 'Pauses that hold, by what they hold back; the same at every worker',
    labelNames: ['target'],
    collect: (gauge) => {
      for (const target of PAUSE_KINDS) gauge.set({ target }, deps.pauses.count(target));
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_budget_waiting',
    help: 'Callers that wait for an account-wide budget',
    labelNames: ['budget'],
    collect: (gauge) => {
      for (const { name, waiting } of Object.values(deps.budgets)) {
        gauge.set({ budget: name }, waiting);
      }
    },
  });
}

const NOBODY = { online: 0, offline: 0 };

function registerPresence(registry: Registry, { presence, redis, keys }: GaugeDependencies): void {
  const reader = new PresenceReader(redis, keys);
  gaugeOnScrape(registry, {
    name: 'courier_presence_observing',
    help: 'Whether this worker observes presence: the sum over the workers is 1; absent without PRESENCE_USERNAME',
    collect: (gauge) => {
      if (presence !== undefined) gauge.set(presence.observing ? 1 : 0);
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_presence_clients',
    help: 'MQTT clients whose presence is known, by state; 0 at workers that do not observe',
    labelNames: ['state'],
    collect: async (gauge) => {
      const observing = presence?.observing === true;
      const known = observing ? await inTime(reader.observation()) : NOBODY;
      if (known === undefined) return;
      gauge.set({ state: 'ONLINE' }, known.online);
      gauge.set({ state: 'OFFLINE' }, known.offline);
    },
  });
}

function registerLeases(registry: Registry, { keeper, shardCount }: GaugeDependencies): void {
  gaugeOnScrape(registry, {
    name: 'courier_shards',
    help: 'Shards of the deployment (SHARD_COUNT); the same at every worker',
    collect: (gauge) => gauge.set(shardCount),
  });
  gaugeOnScrape(registry, {
    name: 'courier_leases_held',
    help: 'Shards that this worker owns',
    collect: (gauge) => gauge.set(keeper.shardsHeld),
  });
  gaugeOnScrape(registry, {
    name: 'courier_workers_seen',
    help: 'Workers that beat, as this one sees the fleet',
    collect: (gauge) => gauge.set(keeper.membersSeen),
  });
}

function registerConnections(registry: Registry, { keeper }: GaugeDependencies): void {
  gaugeOnScrape(registry, {
    name: 'courier_connections',
    help: 'Identities that this worker has dealt with, by the state of their connection',
    labelNames: ['state'],
    collect: (gauge) => {
      const counts = new Map<ConnectionState, number>();
      for (const runtime of keeper.runtimes) {
        for (const state of runtime.connectionStates()) {
          counts.set(state, (counts.get(state) ?? 0) + 1);
        }
      }
      for (const state of CONNECTION_STATES) gauge.set({ state }, counts.get(state) ?? 0);
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_credentials_expire_seconds',
    help: 'Until the first of the temporary credentials of connected identities expires; absent without any',
    collect: (gauge) => {
      const expiries = [...keeper.runtimes].flatMap((runtime) => [...runtime.credentialExpiries()]);
      if (expiries.length > 0) gauge.set((Math.min(...expiries) - Date.now()) / 1000);
    },
  });
}

/** Read from Redis, and absent from the scrape while Redis does not answer. */
function registerStock(registry: Registry, { keeper, redis, keys }: GaugeDependencies): void {
  const reader = new StockReader(redis, keys, () =>
    [...keeper.runtimes].map((runtime) => runtime.lease.shard),
  );
  const unanswered = new Counter({
    name: 'courier_scrapes_without_store_total',
    help: 'Scrapes at which Redis did not answer in time; what is read from Redis is absent from them',
    registers: [registry],
  });
  gaugeOnScrape(registry, {
    name: 'courier_updates_open',
    help: 'Updates that are not settled, by state',
    labelNames: ['state'],
    collect: async (gauge) => {
      const stock = await reader.read();
      if (stock === undefined) unanswered.inc();
      else for (const state of OPEN_STATES) gauge.set({ state }, stock.open[state]);
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_updates_scheduled',
    help: 'Updates that must not begin yet; HELD counts them, too',
    collect: async (gauge) => {
      const stock = await reader.read();
      if (stock !== undefined) gauge.set(stock.scheduled);
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_lanes_waiting',
    help: 'Lanes whose head waits, by reason',
    labelNames: ['reason'],
    collect: async (gauge) => {
      const stock = await reader.read();
      if (stock === undefined) return;
      for (const reason of WAIT_REASONS) {
        gauge.set({ reason }, stock.waiting.get(reason)?.lanes ?? 0);
      }
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_oldest_wait_seconds',
    help: 'Age of the oldest update that waits, by the reason for which it waits; 0 without any',
    labelNames: ['reason'],
    collect: async (gauge) => {
      const stock = await reader.read();
      if (stock === undefined) return;
      for (const reason of WAIT_REASONS) {
        gauge.set({ reason }, stock.waiting.get(reason)?.oldestSeconds ?? 0);
      }
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_oldest_update_age_seconds',
    help: 'Age of the oldest update that is not settled; 0 without any',
    collect: async (gauge) => {
      const stock = await reader.read();
      if (stock !== undefined) gauge.set(stock.oldestSeconds);
    },
  });
  gaugeOnScrape(registry, {
    name: 'courier_identities_quarantined',
    help: 'Identities that are parked and wait for a probe',
    collect: async (gauge) => {
      const stock = await reader.read();
      if (stock !== undefined) gauge.set(stock.quarantined);
    },
  });
}
