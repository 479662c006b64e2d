import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, NOTHING, UNIT } from '../panels.ts';
import { max, rate, type Selector, sum } from '../queries.ts';

const and = (...matchers: readonly string[]) => matchers.filter(Boolean).join(', ');

export function updatesByOutcome(selector: Selector): PanelBuilder {
  return graph({
    title: 'Updates by outcome',
    description: 'Updates that ended a second, by how they ended.',
    unit: UNIT.perSecond,
    span: 8,
    good: ['SUCCEEDED'],
    bad: ['FAILED'],
    queries: [
      { expr: rate('courier_updates_settled_total', selector, 'state'), legend: '{{state}}' },
    ],
  });
}

export function failuresByCode(selector: Selector): PanelBuilder {
  return graph({
    title: 'Updates that failed, by code',
    description:
      'Updates that ended without success a second, by the code of their failure; nothing where none did. docs/errors.md explains each code and what to do.',
    unit: UNIT.perSecond,
    span: 8,
    stacked: true,
    noValue: NOTHING,
    queries: [
      {
        expr: `${rate('courier_updates_settled_total', and('code!="NONE"', selector), 'code')} > 0`,
        legend: '{{code}}',
      },
    ],
  });
}

export function openByState(selector: Selector): PanelBuilder {
  return graph({
    title: 'Open updates',
    description:
      'Updates that have not ended: queued, held for a reason, or in flight. Depth alone says little; the age beside it says whether the fleet keeps up.',
    unit: UNIT.count,
    span: 8,
    queries: [{ expr: sum('courier_updates_open', selector, 'state'), legend: '{{state}}' }],
  });
}

export function oldestByReason(selector: Selector): PanelBuilder {
  return graph({
    title: 'Oldest waiting update, by reason',
    description:
      'Age of the oldest update that waits, by why it waits. IDENTITY_QUARANTINED and NEEDS_OPERATOR wait for somebody to mend a gate, PAUSED for resumeUpdates; BACKOFF, RATE_LIMITED and CONNECTING should stay below a minute. The line "any" is the oldest open update, waiting or not.',
    unit: UNIT.seconds,
    span: 8,
    steps: [
      [60, 'orange'],
      [900, 'red'],
    ],
    queries: [
      {
        expr: `${max('courier_oldest_wait_seconds', selector, 'reason')} > 0`,
        legend: '{{reason}}',
      },
      { expr: max('courier_oldest_update_age_seconds', selector), legend: 'any' },
    ],
  });
}

export function lanesByReason(selector: Selector): PanelBuilder {
  return graph({
    title: 'Waiting lanes, by reason',
    description:
      'Lanes (one identity and one shadow) whose next update waits, by reason; nothing where none waits.',
    unit: UNIT.count,
    span: 8,
    stacked: true,
    noValue: NOTHING,
    queries: [
      {
        expr: `${sum('courier_lanes_waiting', selector, 'reason')} > 0`,
        legend: '{{reason}}',
      },
    ],
  });
}

export function waitsByReason(selector: Selector): PanelBuilder {
  return graph({
    title: 'Waits begun, by reason',
    description:
      'How often a second an update began to wait, by reason. A steady RATE_LIMITED means that a budget is the limit of the throughput; a steady BACKOFF that tries fail.',
    unit: UNIT.perSecond,
    span: 8,
    stacked: true,
    noValue: NOTHING,
    queries: [
      {
        expr: `${rate('courier_update_waits_total', selector, 'reason')} > 0`,
        legend: '{{reason}}',
      },
    ],
  });
}

export function pauses(): PanelBuilder {
  return graph({
    title: 'Pauses that hold',
    description:
      'What operators hold back with pauseUpdates: the fleet, shards, identities, or members of groups. No pause ends by itself; fleet { pauses { … } } says who paused it and why. What waits for them are the lanes with the reason PAUSED.',
    unit: UNIT.count,
    span: 12,
    stacked: true,
    queries: [{ expr: max('courier_pauses', '', 'target'), legend: '{{target}}' }],
  });
}

export function scheduled(selector: Selector): PanelBuilder {
  return graph({
    title: 'Scheduled updates',
    description:
      'Updates that must not begin yet (notBefore, delay). They are in no lane, count as HELD among the open ones, and become a wave when their time comes.',
    unit: UNIT.count,
    span: 12,
    queries: [{ expr: sum('courier_updates_scheduled', selector), legend: 'scheduled' }],
  });
}
