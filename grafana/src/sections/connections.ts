import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, NOTHING, UNIT } from '../panels.ts';
import { increase, rate, type Selector, series, sum } from '../queries.ts';

export function connectionsByState(selector: Selector): PanelBuilder {
  return graph({
    title: 'Connections, by state',
    description:
      'Identities that the workers deal with, by the state of their MQTT connection. idle has none and needs none; backoff will try again; quarantined was denied.',
    unit: UNIT.count,
    span: 8,
    stacked: true,
    good: ['connected'],
    bad: ['quarantined'],
    queries: [
      {
        expr: `${sum('courier_connections', selector, 'state')} > 0`,
        legend: '{{state}}',
      },
    ],
  });
}

export function disconnects(selector: Selector): PanelBuilder {
  return graph({
    title: 'Connections that ended or failed',
    description:
      'Connections that ended in each interval by kind, and connects that failed (refused: …). recycled, idle, requested, probe and released are our own doing. taken_over: another client uses the same client id, and that is the one to find. network: look at the network, or at AWS.',
    unit: UNIT.count,
    span: 8,
    stacked: true,
    decimals: 1,
    bad: ['taken_over', 'not_authorized'],
    noValue: NOTHING,
    queries: [
      {
        expr: `${increase('courier_disconnects_total', selector, 'kind')} > 0`,
        legend: '{{kind}}',
      },
      {
        expr: `${increase('courier_connects_refused_total', selector, 'kind')} > 0`,
        legend: 'refused: {{kind}}',
      },
    ],
  });
}

export function credentialRefreshes(selector: Selector): PanelBuilder {
  return graph({
    title: 'Credential refreshes',
    description:
      'Credentials obtained a second, by where from (cache, password, refresh_token, get_id, get_credentials) and outcome. After a restart the cache should answer and Cognito should not be asked. failed: throttled or out of reach, asked again; denied: see the authorization row.',
    unit: UNIT.perSecond,
    span: 8,
    noValue: NOTHING,
    queries: [
      {
        expr: `${rate('courier_credential_refreshes_total', selector, 'via', 'outcome')} > 0`,
        legend: '{{via}} {{outcome}}',
      },
    ],
  });
}

export function timeToExpiry(selector: Selector, ...by: readonly string[]): PanelBuilder {
  const grouped = by.length === 0 ? '' : ` by (${by.join(', ')})`;
  return graph({
    title: 'Time to the first expiry of credentials',
    description:
      'How long the temporary credentials of the connected identity that is next to lose them still hold. They are renewed REFRESH_AHEAD_MS (5 min) before; a line that falls below that keeps failing to renew, and at the dashed one it is an alert. A connection that is up outlives its credentials, the next connect does not.',
    unit: UNIT.seconds,
    span: 8,
    steps: [
      [0, 'red'],
      [120, 'green'],
    ],
    queries: [
      {
        expr: `min${grouped} (${series('courier_credentials_expire_seconds', selector)})`,
        legend: by.length === 0 ? 'first' : by.map((label) => `{{${label}}}`).join(' '),
      },
    ],
  });
}

export function budgets(selector: Selector): PanelBuilder {
  return graph({
    title: 'Waiting for an account-wide budget',
    description:
      'Callers that wait for a budget, by budget: the AWS quotas that the fleet shares. One that always has waiters is what limits the throughput; have AWS raise the quota, then the BUDGET_… variable.',
    unit: UNIT.count,
    span: 8,
    queries: [{ expr: sum('courier_budget_waiting', selector, 'budget'), legend: '{{budget}}' }],
  });
}
