import { collectDefaultMetrics, Registry } from 'prom-client';

/** The process's own registry, with Node's and the process's default metrics. */
export function createRegistry(labels: Readonly<Record<string, string>>): Registry {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  collectDefaultMetrics({ register: registry });
  return registry;
}
