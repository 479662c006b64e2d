import { Histogram, type Registry } from 'prom-client';
import { DISCONNECT_KINDS, WAIT_REASONS } from '../../shared/domain/sets.ts';
import type { EventBus } from '../events.ts';
import {
  CALL_OUTCOMES,
  CODES_OF,
  CREDENTIAL_SOURCES,
  GATES_OF,
  LEASE_CHANGES,
  PRESENCE_EFFECTS,
  REFUSAL_KINDS,
  SWEEP_FINDINGS,
} from './closedSets.ts';
import { counter, counterOf } from './counters.ts';

/** From milliseconds in an idle system to the minutes that a retry or a full budget takes. */
const SUBMIT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];
/** One round trip to AWS IoT, up to the answer's deadline. */
const ANSWER_BUCKETS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts what happens in a worker. Labels hold closed sets only, never an id. */
export function countEvents(events: EventBus, registry: Registry): void {
  measureUpdates(events, registry);
  countUpdates(events, registry);
  countAuthorization(events, registry);
  countConnections(events, registry);
  countFleet(events, registry);
}

function measureUpdates(events: EventBus, registry: Registry): void {
  const registers = [registry];
  const wait = new Histogram({
    name: 'courier_update_wait_seconds',
    help: "From an update's submission to the publish that was answered",
    buckets: SUBMIT_BUCKETS,
    registers,
  });
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
  for (const state of Object.keys(CODES_OF)) settledAfter.zero({ state });
  events.on('update:published', ({ sinceSubmitMs }) => puback.observe(sinceSubmitMs / 1000));
  events.on('update:settled', ({ state, sinceSubmitMs, answerMs }) => {
    settledAfter.observe({ state }, sinceSubmitMs / 1000);
    if (answerMs === undefined) return;
    answer.observe(answerMs / 1000);
    wait.observe(Math.max(0, sinceSubmitMs - answerMs) / 1000);
  });
}

function countUpdates(events: EventBus, registry: Registry): void {
  const settled = counter(registry, 'courier_updates_settled_total', 'Updates that ended', [
    'state',
    'code',
  ]);
  for (const [state, codes] of Object.entries(CODES_OF)) {
    for (const code of codes) settled.inc({ state, code }, 0);
  }
  events.on('update:settled', ({ state, code }) => settled.inc({ state, code: code ?? 'NONE' }));

  const gaveBack = counterOf(
    registry,
    'courier_update_waits_total',
    'Times that an update began to wait, by reason',
    { reason: WAIT_REASONS },
  );
  events.on('update:gave-back', ({ reason }) => gaveBack.inc({ reason }));
}

function countAuthorization(events: EventBus, registry: Registry): void {
  const failures = counter(
    registry,
    'courier_authorization_failures_total',
    'Refusals by a policy, the user pool or the identity pool, probes included',
    ['stage', 'gate'],
  );
  for (const [stage, gates] of Object.entries(GATES_OF)) {
    for (const gate of gates) failures.inc({ stage, gate }, 0);
  }
  events.on('authorization:failed', ({ stage, gate }) => failures.inc({ stage, gate }));

  const credentials = counterOf(
    registry,
    'courier_credential_refreshes_total',
    'Credentials obtained, by where from and with what outcome',
    { via: CREDENTIAL_SOURCES, outcome: CALL_OUTCOMES },
  );
  events.on('credentials:obtained', ({ via, outcome }) => credentials.inc({ via, outcome }));
  const attached = counterOf(
    registry,
    'courier_policy_attachments_total',
    'AttachPolicy calls by outcome',
    { outcome: CALL_OUTCOMES },
  );
  events.on('policy:attached', ({ outcome }) => attached.inc({ outcome }));

  const parked = counter(
    registry,
    'courier_identities_parked_total',
    'Identities parked, denied probes included',
    [],
  );
  events.on('identity:parked', () => parked.inc());
  const released = counter(
    registry,
    'courier_identities_released_total',
    'Parked identities that connected again',
    [],
  );
  events.on('identity:released', () => released.inc());
}

function countConnections(events: EventBus, registry: Registry): void {
  const lost = counterOf(
    registry,
    'courier_disconnects_total',
    'Connections that ended, by what ended them',
    { kind: DISCONNECT_KINDS },
  );
  events.on('connection:lost', ({ kind }) => lost.inc({ kind }));
  const refused = counterOf(
    registry,
    'courier_connects_refused_total',
    'Connects that failed, by what failed',
    { kind: REFUSAL_KINDS },
  );
  events.on('connection:refused', ({ kind }) => refused.inc({ kind }));
}

function countFleet(events: EventBus, registry: Registry): void {
  const leases = counterOf(
    registry,
    'courier_lease_changes_total',
    'Leases taken, released and lost',
    { change: LEASE_CHANGES },
  );
  events.on('lease:taken', () => leases.inc({ change: 'taken' }));
  events.on('lease:released', () => leases.inc({ change: 'released' }));
  events.on('lease:lost', () => leases.inc({ change: 'lost' }));

  const presence = counterOf(
    registry,
    'courier_presence_events_total',
    'Lifecycle events of MQTT clients that the observer got, by what became of them',
    { effect: PRESENCE_EFFECTS },
  );
  events.on('presence:event', ({ effect }) => presence.inc({ effect }));
  const restarted = counter(
    registry,
    'courier_consumer_restarts_total',
    'Consumers of a shard that took no job although jobs were ready, and were made anew',
    [],
  );
  events.on('consumer:restarted', () => restarted.inc());
  const renewed = counter(
    registry,
    'courier_redis_renewals_total',
    'Connections to Redis that fell silent without being closed, and were made anew',
    [],
  );
  events.on('redis:renewed', () => renewed.inc());

  const swept = counterOf(
    registry,
    'courier_sweep_findings_total',
    'Lanes that the sweep gave a job',
    { finding: SWEEP_FINDINGS },
  );
  events.on('sweep:found', ({ orphans, late }) => {
    if (orphans > 0) swept.inc({ finding: 'orphan' }, orphans);
    if (late > 0) swept.inc({ finding: 'late' }, late);
  });
}
