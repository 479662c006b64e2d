/** Prints every dashboard as JSON, by the name of its file; `scripts/grafana.mjs` writes them. */
import { fleetDashboard } from './fleet.ts';
import { workerDashboard } from './worker.ts';

const dashboards = { fleet: fleetDashboard().build(), worker: workerDashboard().build() };
process.stdout.write(`${JSON.stringify(dashboards)}\n`);
