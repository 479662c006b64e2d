import {
  type DashboardBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { newDashboard } from './dashboard.ts';
import { DATASOURCE } from './panels.ts';
import { withRows } from './rows.ts';
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
import { consumersRestarted, leaseChanges, leasesByWorker, sweeps } from './sections/fleet.ts';
import { latency } from './sections/latency.ts';
import { cpu, eventLoop, garbage, heap, memory, uptime } from './sections/process.ts';
import { scrapesWithoutStore } from './sections/store.ts';
import {
  failuresByCode,
  lanesByReason,
  oldestByReason,
  openByState,
  updatesByOutcome,
  waitsByReason,
} from './sections/updates.ts';
import { webhookAttempts } from './sections/webhooks.ts';

const CHOSEN = `instance=~"$worker"`;
/** Metrics that the API has as well, for the choice of all workers. */
const CHOSEN_PROCESS = `program="worker", ${CHOSEN}`;

/** One worker, or a few beside each other. */
export function workerDashboard(): DashboardBuilder {
  const dashboard = newDashboard(
    'courier-worker',
    'Shadow Courier: worker',
    'What one worker does: its updates, denials, connections, credentials, leases and its process.',
  ).withVariable(
    new QueryVariableBuilder('worker')
      .label('Worker')
      .description('host:port as Prometheus scrapes it')
      .datasource(DATASOURCE)
      .query('label_values(courier_leases_held, instance)')
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      .allValue('.+'),
  );
  return withRows(dashboard, [
    [
      new RowBuilder('Updates'),
      [
        updatesByOutcome(CHOSEN),
        failuresByCode(CHOSEN),
        openByState(CHOSEN),
        oldestByReason(CHOSEN),
        lanesByReason(CHOSEN),
        waitsByReason(CHOSEN),
      ],
    ],
    [new RowBuilder('Latency'), latency(CHOSEN, 'instance')],
    [
      new RowBuilder('Authorization'),
      [failuresByGate(CHOSEN), failuresTable(CHOSEN), quarantine(CHOSEN)],
    ],
    [
      new RowBuilder('Connections and credentials'),
      [
        connectionsByState(CHOSEN),
        disconnects(CHOSEN),
        budgets(CHOSEN),
        credentialRefreshes(CHOSEN),
        timeToExpiry(CHOSEN, 'instance'),
        attachments(CHOSEN),
      ],
    ],
    [
      new RowBuilder('Leases, Redis and webhooks'),
      [
        leasesByWorker(CHOSEN),
        leaseChanges(CHOSEN),
        sweeps(CHOSEN),
        consumersRestarted(CHOSEN),
        scrapesWithoutStore(CHOSEN),
        webhookAttempts(CHOSEN),
      ],
    ],
    [
      new RowBuilder('Process'),
      [
        cpu(CHOSEN_PROCESS),
        memory(CHOSEN_PROCESS),
        eventLoop(CHOSEN_PROCESS),
        heap(CHOSEN_PROCESS),
        garbage(CHOSEN_PROCESS),
        uptime(CHOSEN_PROCESS),
      ],
    ],
  ]);
}
