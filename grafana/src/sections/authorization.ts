import type { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, NOTHING, table, UNIT } from '../panels.ts';
import { increase, type Selector, series, sum } from '../queries.ts';

export function failuresByGate(selector: Selector): PanelBuilder {
  const failures = series('courier_authorization_failures_total', selector);
  return graph({
    title: 'Authorization failures, by stage and gate',
    description:
      'Refusals in each interval: the stage of the path from password to shadow, and the gate that refused. Nothing where nothing was refused. CONNECT / IOT_POLICY_NOT_ATTACHED: somebody detached the policy. PUBLISH or SUBSCRIBE: a thing that the policies do not cover. docs/errors.md says what to mend at each gate.',
    unit: UNIT.count,
    span: 12,
    stacked: true,
    decimals: 1,
    noValue: NOTHING,
    queries: [
      {
        expr: `sum by (stage, gate) (increase(${failures}[$__rate_interval])) > 0`,
        legend: '{{stage}} / {{gate}}',
      },
    ],
  });
}

export function failuresTable(selector: Selector): TableBuilder {
  const failures = series('courier_authorization_failures_total', selector);
  return table({
    title: 'Refusals in the time shown',
    description:
      'How often each gate refused, probes included. A parked identity counts once when it is parked and once for each probe that is denied.',
    unit: UNIT.count,
    span: 6,
    noValue: 'none',
    columns: { refused: 'stage / gate', Value: 'refusals' },
    widths: { refusals: 80 },
    queries: [
      {
        expr: `sort_desc(sum by (refused) (label_join(increase(${failures}[$__range]), "refused", " / ", "stage", "gate")) > 0)`,
        legend: '',
      },
    ],
  });
}

export function quarantine(selector: Selector): PanelBuilder {
  return graph({
    title: 'Identities parked and released',
    description:
      'How many identities are parked now, and how many were parked (denied probes included) and released in each interval.',
    unit: UNIT.count,
    span: 6,
    decimals: 1,
    bad: ['parked now'],
    good: ['released'],
    queries: [
      { expr: sum('courier_identities_quarantined', selector), legend: 'parked now' },
      { expr: increase('courier_identities_parked_total', selector), legend: 'parked' },
      { expr: increase('courier_identities_released_total', selector), legend: 'released' },
    ],
  });
}

export function attachments(selector: Selector): PanelBuilder {
  return graph({
    title: 'AttachPolicy calls',
    description:
      "AttachPolicy calls in each interval, by outcome. Once for each identity and never again: steady calls mean new identities. denied: the workers' own role, or the policy itself.",
    unit: UNIT.count,
    span: 8,
    decimals: 1,
    queries: [
      {
        expr: increase('courier_policy_attachments_total', selector, 'outcome'),
        legend: '{{outcome}}',
      },
    ],
  });
}
