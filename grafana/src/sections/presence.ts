import type { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { graph, UNIT } from '../panels.ts';
import { rate, sum } from '../queries.ts';

/** Who is connected to AWS IoT, and whether somebody observes it. */
export function presence(): readonly PanelBuilder[] {
  return [
    graph({
      title: 'Clients, by presence',
      description:
        'MQTT clients whose presence is known. A cliff of ONLINE is an outage of devices or of their network; it is no fault of the fleet where its own connections stay. PRESENCE_CLIENTS bounds the sum. Zero where PRESENCE_USERNAME is not set.',
      unit: UNIT.count,
      span: 8,
      stacked: true,
      good: ['ONLINE'],
      queries: [{ expr: sum('courier_presence_clients', '', 'state'), legend: '{{state}}' }],
    }),
    graph({
      title: 'Presence events, by effect',
      description:
        'Lifecycle events that the observer got a second. outdated came late or twice. lost: Redis did not take them, and presences admit a gap. Near 90 a second the connection is at the limit beyond which AWS discards.',
      unit: UNIT.perSecond,
      span: 8,
      bad: ['lost'],
      queries: [
        { expr: rate('courier_presence_events_total', '', 'effect'), legend: '{{effect}}' },
      ],
    }),
    graph({
      title: 'Workers that observe presence',
      description:
        'One, where PRESENCE_USERNAME is set. None for a moment while its identity moves or its connection is renewed; for longer, its user is not registered, is parked, or a policy denies the subscription. Nothing where presence is off.',
      unit: UNIT.count,
      span: 8,
      queries: [{ expr: sum('courier_presence_observing', ''), legend: 'observing' }],
    }),
  ];
}
