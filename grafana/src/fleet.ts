import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { newDashboard } from './dashboard.ts';
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
import { leaseChanges, leasesByWorker, sweeps, workersSeen } from './sections/fleet.ts';
import { glance } from './sections/glance.ts';
import { latency, withinBounds } from './sections/latency.ts';
import { cpu, eventLoop, memory } from './sections/process.ts';
import {
  failuresByCode,
  lanesByReason,
  oldestByReason,
  openByState,
  updatesByOutcome,
  waitsByReason,
} from './sections/updates.ts';
import { withRows } from './rows.ts';

const ALL = '';
const WORKERS = 'program="worker"';

/** The whole fleet: is it well, and if not, where to look. */
export function fleetDashboard(): DashboardBuilder {
  const dashboard = newDashboard(
    'courier-fleet',
    'Shadow Courier: fleet',
    'Updates from submission to acceptance, what is denied and why, what waits and why, connections, credentials and leases of the whole fleet.',
  );
  return withRows(dashboard, [
    [new RowBuilder('At a glance'), glance()],
    [new RowBuilder('Latency'), latency(ALL)],
    [new RowBuilder('Authorization'), [failuresByGate(ALL), failuresTable(ALL), quarantine(ALL)]],
    [
      new RowBuilder('Updates'),
      [
        updatesByOutcome(ALL),
        failuresByCode(ALL),
        withinBounds(ALL),
        openByState(ALL),
        oldestByReason(ALL),
        lanesByReason(ALL),
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
        waitsByReason(ALL),
        sweeps(ALL),
        eventLoop(WORKERS),
        cpu(WORKERS),
        memory(WORKERS),
      ],
    ],
    [new RowBuilder('API'), api()],
  ]);
}
