import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { newDashboard } from './dashboard.ts';
import { alerts } from './sections/alerts.ts';
import { api } from './sections/api.ts';
import {
  attachments,
  failuresByGate,
  failuresTable,
  quarantine,
} from './sections/authorization.ts';
import {
  budgets,
  connectionsByState,
  credentialRefreshes,
  disconnects,
  timeToExpiry,
} from './sections/connections.ts';
import {
  consumersRestarted,
  leaseChanges,
  leasesByWorker,
  sweeps,
  workersSeen,
} from './sections/fleet.ts';
import { glance } from './sections/glance.ts';
import { latency, missed, withinBounds } from './sections/latency.ts';
import { presence } from './sections/presence.ts';
import { cpu, eventLoop, memory, uptime } from './sections/process.ts';
import { renewals, scrapesWithoutStore, storeMemory } from './sections/store.ts';
import {
  failuresByCode,
  lanesByReason,
  oldestByReason,
  openByState,
  pauses,
  scheduled,
  updatesByOutcome,
  waitsByReason,
} from './sections/updates.ts';
import { webhooks } from './sections/webhooks.ts';
import { withRows } from './rows.ts';

const ALL = '';
const WORKERS = 'program="worker"';

/** The whole fleet: is it well, and if not, where to look. */
export function fleetDashboard(): DashboardBuilder {
  const dashboard = newDashboard(
    'courier-fleet',
    'Shadow Courier: fleet',
    'Updates from submission to acceptance, what is denied and why, what waits and why, connections, credentials and leases of the whole fleet; the API, webhooks and presence.',
  );
  return withRows(dashboard, [
    [new RowBuilder('At a glance'), [...glance(), ...alerts()]],
    [new RowBuilder('Latency'), [...latency(ALL), missed(), withinBounds(ALL)]],
    [new RowBuilder('Authorization'), [failuresByGate(ALL), failuresTable(ALL), quarantine(ALL)]],
    [
      new RowBuilder('Updates'),
      [
        updatesByOutcome(ALL),
        failuresByCode(ALL),
        openByState(ALL),
        oldestByReason(ALL),
        lanesByReason(ALL),
        waitsByReason(ALL),
        pauses(),
        scheduled(ALL),
      ],
    ],
    [
      new RowBuilder('Connections and credentials'),
      [
        connectionsByState(ALL),
        disconnects(ALL),
        budgets(ALL),
        credentialRefreshes(ALL),
        timeToExpiry(ALL),
        attachments(ALL),
      ],
    ],
    [
      new RowBuilder('Workers and leases'),
      [
        leasesByWorker(ALL),
        leaseChanges(ALL),
        workersSeen(),
        sweeps(ALL),
        consumersRestarted(ALL),
        uptime(WORKERS),
        eventLoop(WORKERS),
        cpu(WORKERS),
        memory(WORKERS),
      ],
    ],
    [new RowBuilder('Redis'), [storeMemory(), scrapesWithoutStore(ALL), renewals(ALL)]],
    [new RowBuilder('API'), api()],
    [new RowBuilder('Webhooks'), webhooks()],
    [new RowBuilder('Presence'), presence()],
  ]);
}
