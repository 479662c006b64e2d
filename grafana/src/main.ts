/** Prints every dashboard as JSON, by the name of its file; `scripts/grafana.mjs` writes them. */
import type { Dashboard, DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { fleetDashboard } from './fleet.ts';
import { workerDashboard } from './worker.ts';

/** Panels get their place as id: the SDK gives rows the same one, and others none. */
function numbered(dashboard: DashboardBuilder): Dashboard {
  const built = dashboard.build();
  const panels = built.panels?.map((panel, index) => ({ ...panel, id: index + 1 }));
  return { ...built, ...(panels === undefined ? {} : { panels }) };
}

const dashboards = { fleet: numbered(fleetDashboard()), worker: numbered(workerDashboard()) };
process.stdout.write(`${JSON.stringify(dashboards)}\n`);
