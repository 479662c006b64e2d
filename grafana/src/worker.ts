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
import { failuresByGate, failuresTable, quarantine } from './sections/authorization.ts';
import {
  budgets,
  connectionsByState,
  credentialRefreshes,
  disconnects,
  timeToExpiry,
} from './sections/connections.ts';
import { leaseChanges, leasesByWorker, sweeps } from './sections/fleet.ts';
import { latency } from './sections/latency.ts';
import { cpu, eventLoop, garbage, heap, memory, uptime } from './sections/process.ts';
import {
  lanesByReason,
  oldestByReason,
  openByState,
  updatesByOutcome,
  waitsByReason,
} from './sections/updates.ts';

const CHOSEN = `instance=~"$worker"`;

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
        openByState(CHOSEN),
        oldestByReason(CHOSEN),
        lanesByReason(CHOSEN),
        waitsByReason(CHOSEN),
        sweeps(CHOSEN),
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
        credentialRefreshes(CHOSEN),
        timeToExpiry(CHOSEN, 'instance'),
        budgets(CHOSEN),
        leasesByWorker(CHOSEN),
        leaseChanges(CHOSEN),
      ],
    ],
    [
      new RowBuilder('Process'),
      [
        cpu(CHOSEN),
        memory(CHOSEN),
        eventLoop(CHOSEN),
        heap(CHOSEN),
        garbage(CHOSEN),
        uptime(CHOSEN),
      ],
    ],
  ]);
}
