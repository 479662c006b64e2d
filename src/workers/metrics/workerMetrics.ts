import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { EventBus } from '../events.ts';

/** From milliseconds in an idle system to the minutes that a retry or a full budget takes. */
const SUBMIT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
/** One round trip to AWS IoT, up to the answer's deadline. */
const ANSWER_BUCKETS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts what happens in a worker. Labels hold closed sets only, never an id. */
export function countEvents(events: EventBus, registry: Registry): void {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers });

  const puback = new Histogram({
    name: 'courier_update_puback_seconds',
    help: "From an update's submission to the broker's PUBACK",
    buckets: SUBMIT_BUCKETS,
    registers,
  });
  const settledAfter = new Histogram({
    name: 'courier_update_settled_seconds',
    help: "From an update's submission to its end, by how it ended; SUCCEEDED is submit to accepted",
    labelNames: ['state'],
    buckets: SUBMIT_BUCKETS,
    registers,
  });
  const answer = new Histogram({
    name: 'courier_publish_answer_seconds',
    help: "From a publish to the shadow service's answer",
    buckets: ANSWER_BUCKETS,
    registers,
  });
  const settled = counter('courier_updates_settled_total', 'Updates that ended', ['state', 'code']);
  events.on('update:published', ({ sinceSubmitMs }) => puback.observe(sinceSubmitMs / 1000));
  events.on('update:settled', ({ state, code, sinceSubmitMs, answerMs }) => {
    settled.inc({ state, code: code ?? 'NONE' });
    settledAfter.observe({ state }, sinceSubmitMs / 1000);
    if (answerMs !== undefined) answer.observe(answerMs / 1000);
  });

  const gaveBack = counter('courier_update_waits_total', 'Times that an update began to wait', [
    'reason',
  ]);
  events.on('update:gave-back', ({ reason }) => gaveBack.inc({ reason }));

  const failures = counter(
    'courier_authorization_failures_total',
    'Refusals by a policy, the user pool or the identity pool, probes included',
    ['stage', 'gate'],
  );
  events.on('authorization:failed', ({ stage, gate }) => failures.inc({ stage, gate }));

  const credentials = counter(
    'courier_credential_refreshes_total',
    'Credentials obtained, by where from',
    ['via', 'outcome'],
  );
  events.on('credentials:obtained', (labels) => credentials.inc(labels));
  const attached = counter('courier_policy_attachments_total', 'AttachPolicy calls', ['outcome']);
  events.on('policy:attached', (labels) => attached.inc(labels));

  const lost = counter('courier_disconnects_total', 'Connections that ended', ['kind']);
  events.on('connection:lost', ({ kind }) => lost.inc({ kind }));
  const refused = counter('courier_connects_refused_total', 'Connects that failed', ['kind']);
  events.on('connection:refused', ({ kind }) => refused.inc({ kind }));

  const parked = counter('courier_identities_parked_total', 'Identities parked, probes included');
  events.on('identity:parked', () => parked.inc());
  const released = counter('courier_identities_released_total', 'Identities released by a probe');
  events.on('identity:released', () => released.inc());

  const leases = counter('courier_lease_changes_total', 'Leases taken, released and lost', [
    'change',
  ]);
  events.on('lease:taken', () => leases.inc({ change: 'taken' }));
  events.on('lease:released', () => leases.inc({ change: 'released' }));
  events.on('lease:lost', () => leases.inc({ change: 'lost' }));

  const swept = counter('courier_sweep_findings_total', 'Lanes that the sweep gave a job', [
    'finding',
  ]);
  events.on('sweep:found', ({ orphans, late }) => {
    if (orphans > 0) swept.inc({ finding: 'orphan' }, orphans);
    if (late > 0) swept.inc({ finding: 'late' }, late);
  });
}

/** A gauge that is computed when it is scraped. */
export function gaugeOnScrape<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[],
  collect: (gauge: Gauge<Label>) => void | Promise<void>,
): Gauge<Label> {
  return new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    async collect() {
      await collect(this);
    },
  });
}
