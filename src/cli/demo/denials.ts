import type { UpdateView } from '../client/courier.ts';
import { scrape, sumBy } from '../client/metrics.ts';
import { metricsUrls } from '../local/deployment.ts';
import type { Cast, DemoContext } from './context.ts';
import { expectThat, unexpected, waitUntil } from './expectation.ts';
import { thingOf } from './manyUpdates.ts';

const FINAL_MS = 30_000;
/** AWS takes one CONNECT per client id in 11 s, and both the denied and the next one keep to it. */
const QUARANTINE_MS = 60_000;

/** A thing outside the policy: that update ends, and its identity goes on. */
export async function denyTopic(context: DemoContext, cast: Cast): Promise<void> {
  const { courier, screen, signal } = context;
  const identityId = cast.first.id;
  const { id } = await courier.send({ identityId, thing: 'thermostat_9', desired: { target: 20 } });
  const denied = await waitUntil({
    expected: 'the update to thermostat_9 FAILED',
    look: () => courier.update(id),
    until: ({ state }) => state === 'FAILED',
    deadlineMs: FINAL_MS,
    signal,
  });
  const { failure } = denied;
  if (failure?.code !== 'NOT_AUTHORIZED') throw unexpected('NOT_AUTHORIZED', denied);
  screen.line('An update to thermostat_9; the policies allow device_* only.');
  screen.fact('ended', `${denied.state}, ${failure.code}`);
  screen.fact('stage, gate', `${failure.stage}, ${failure.gate}`);
  screen.quote('message', failure.message);
  screen.quote('what to do', failure.remedy);

  const next = await courier.send({ identityId, thing: 'device_1', desired: { power: 'ON' } });
  const accepted = await waitUntil({
    expected: "the same identity's update to device_1 SUCCEEDED",
    look: () => courier.update(next.id),
    until: ({ state }) => state === 'SUCCEEDED',
    deadlineMs: FINAL_MS,
    everyMs: 20,
    signal,
  });
  const milliseconds = (accepted.finishedAt ?? 0) - accepted.createdAt;
  screen.fact('meanwhile, device_1', `ACCEPTED, version ${accepted.version}, ${milliseconds} ms`);
}

/** An identity that lost its policy: parked with its updates, and back once the policy is. */
export async function denyIdentity(context: DemoContext, cast: Cast): Promise<void> {
  const { courier, aws, screen, signal } = context;
  const [owner, bystander] = cast.owners;
  if (owner?.cognitoId == null || bystander === undefined) throw unexpected('two owners', cast);
  const attachedId = owner.cognitoId;
  await aws.detachPolicy(attachedId);
  screen.line();
  screen.line(`The IoT policy is detached from ${owner.username}, as at the AWS console.`);
  const ids = await courier.sendAll(
    [0, 1, 2].map((thing) => ({
      identityId: owner.id,
      thing: thingOf(0, thing),
      desired: { power: 'ON', round: 'after the denial' },
    })),
  );
  const held = await waitUntil({
    expected: '3 updates HELD as IDENTITY_QUARANTINED',
    look: () => courier.updates(ids),
    until: (updates) => updates.every(isQuarantined),
    deadlineMs: QUARANTINE_MS,
    signal,
  });
  const { quarantine, status } = await courier.identity(owner.id);
  if (quarantine === null) throw unexpected('an identity in quarantine', status);
  for (const update of held) {
    screen.fact(
      update.thing,
      `${update.state}, ${update.wait?.reason}, ${update.tries} tries used`,
    );
  }
  screen.fact('stage, gate', `${quarantine.stage}, ${quarantine.gate}`);
  screen.quote('message', quarantine.message);
  screen.quote('what to do', quarantine.remedy);
  await goOn(context, bystander.id);
  await showMetrics(context);

  await aws.attachPolicy(attachedId);
  const attachedAt = performance.now();
  screen.line();
  screen.line(`The policy is attached again; nothing else is done.`);
  const delivered = await waitUntil({
    expected: 'the 3 held updates SUCCEEDED',
    look: () => courier.updates(ids),
    until: (updates) => updates.every(({ state }) => state === 'SUCCEEDED'),
    deadlineMs: QUARANTINE_MS,
    signal,
  });
  const seconds = ((performance.now() - attachedAt) / 1000).toFixed(1);
  const versions = delivered.map(({ thing, version }) => `${thing} at version ${version}`);
  screen.fact('released by a probe', `after ${seconds} s`);
  screen.fact('delivered', versions.join(', '));
  for (const { thing, version } of delivered) {
    const shadow = await aws.shadow(thing);
    expectThat(shadow.version === version, `${thing} at version ${version}`, shadow);
  }
  const after = await courier.identity(owner.id);
  expectThat(after.status === 'ACTIVE', `${owner.username} ACTIVE`, after);
}

function isQuarantined({ state, wait }: UpdateView): boolean {
  return state === 'HELD' && wait?.reason === 'IDENTITY_QUARANTINED';
}

/** Both denials as the workers' /metrics tell them, summed over the workers. */
async function showMetrics({ deployment, screen }: DemoContext): Promise<void> {
  const samples = await scrape(metricsUrls(deployment));
  const failures = sumBy(samples, 'courier_authorization_failures_total', ['stage', 'gate']);
  const quarantined = sumBy(samples, 'courier_identities_quarantined', []);
  const waiting = sumBy(samples, 'courier_lanes_waiting', ['reason']);
  screen.line();
  screen.line("The same from the workers' /metrics:");
  for (const [stageAndGate, count] of failures) {
    screen.fact('authorization failures', `${count} at ${stageAndGate.replace(' ', ', ')}`);
  }
  screen.fact('identities quarantined', String(quarantined.get('') ?? 0));
  for (const [reason, lanes] of waiting) screen.fact('shadows that wait', `${lanes}, ${reason}`);

  const seen = JSON.stringify([[...failures], [...quarantined], [...waiting]]);
  expectThat(failures.size >= 2, 'authorization failures of two kinds in /metrics', seen);
  expectThat(quarantined.get('') === 1, 'one identity quarantined in /metrics', seen);
  expectThat(waiting.get('IDENTITY_QUARANTINED') === 3, '3 shadows that wait in /metrics', seen);
}

/** Parking concerns one identity, not the fleet. */
async function goOn({ courier, screen, signal }: DemoContext, identityId: string): Promise<void> {
  const thing = thingOf(1, 0);
  const { id } = await courier.send({ identityId, thing, desired: { power: 'ON' } });
  const update = await waitUntil({
    expected: "another identity's update SUCCEEDED",
    look: () => courier.update(id),
    until: ({ state }) => state === 'SUCCEEDED',
    deadlineMs: FINAL_MS,
    everyMs: 20,
    signal,
  });
  const milliseconds = (update.finishedAt ?? 0) - update.createdAt;
  screen.fact('meanwhile, others', `${thing} ACCEPTED in ${milliseconds} ms`);
}
