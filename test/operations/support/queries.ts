import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const target = z.object({ expr: z.string(), refId: z.string(), instant: z.boolean().optional() });
const panel = z.looseObject({
  type: z.string(),
  title: z.string(),
  description: z.string().optional(),
  targets: z.array(target).default([]),
  fieldConfig: z
    .looseObject({ defaults: z.looseObject({ unit: z.string().optional() }) })
    .optional(),
});

const dashboard = z.looseObject({
  title: z.string(),
  uid: z.string(),
  panels: z.array(panel),
  templating: z.object({
    list: z.array(z.looseObject({ name: z.string(), query: z.unknown().optional() })),
  }),
});

export function dashboards() {
  return readdirSync('grafana/dashboards').map((name) =>
    dashboard.parse(JSON.parse(readFileSync(join('grafana/dashboards', name), 'utf8'))),
  );
}

export interface PanelQuery {
  /** Dashboard, panel and query, for failures. */
  readonly name: string;
  readonly panel: string;
  readonly expr: string;
}

/** Every query of every panel, with what Grafana would put in place of its variables. */
export function panelQueries(variables: {
  readonly rateInterval: string;
  readonly range: string;
  readonly worker?: string;
}): readonly PanelQuery[] {
  const { rateInterval, range, worker = '.+' } = variables;
  return dashboards().flatMap(({ uid, panels }) =>
    panels.flatMap((one) =>
      one.targets.map(({ expr, refId }) => ({
        name: `${uid} / ${one.title} / ${refId}`,
        panel: one.title,
        expr: expr
          .replaceAll('$__rate_interval', rateInterval)
          .replaceAll('$__range', range)
          .replaceAll('$worker', worker),
      })),
    ),
  );
}

const rule = z.object({
  record: z.string().optional(),
  alert: z.string().optional(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.object({ severity: z.enum(['critical', 'warning']) }).optional(),
  annotations: z
    .object({ summary: z.string(), description: z.string(), runbook: z.string() })
    .optional(),
});
export type Rule = z.infer<typeof rule>;
const ruleFile = z.object({
  groups: z.array(z.object({ name: z.string(), rules: z.array(rule) })),
});

/** Every rule; `prepare` is given each file's text first. */
export function rules(prepare: (text: string) => string = (text) => text): readonly Rule[] {
  return readdirSync('prometheus/rules').flatMap((name) => {
    const text = prepare(readFileSync(join('prometheus/rules', name), 'utf8'));
    return ruleFile.parse(parse(text)).groups.flatMap((group) => group.rules);
  });
}

/**
 * The vectors that an alert compares with its threshold: they must be there while the alert is
 * quiet, or it could never come. For `absent(x)` that is x.
 */
export function comparedVectors(expr: string): readonly string[] {
  const absent = /^absent\((.*)\)$/s.exec(expr.trim())?.[1];
  if (absent !== undefined) return [absent];
  return expr
    .split(/\n\s*and\s*\n/)
    .map((part) => part.trim().replace(/\s*(?:>|<|==|>=|<=)\s*[\d.]+$/, ''));
}
