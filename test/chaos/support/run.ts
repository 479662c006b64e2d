import { shardOfUpdate } from '../../../src/shared/domain/ids.ts';
import { eventually } from '../../support/eventually.ts';
import { Deployment, type DeploymentOptions, type Member } from './deployment.ts';
import { type Finding, judge, type Sent } from './judge.ts';
import { DEADLINE_MS, SIZE } from './size.ts';
import { type Evidence, evidenceOf } from './witness.ts';

export interface Disaster {
  /** The share of all updates that were applied when it strikes. */
  readonly at: number;
  readonly strike: (deployment: Deployment, members: readonly Member[]) => Promise<void>;
}

export interface Scenario extends DeploymentOptions {
  readonly disasters: readonly Disaster[];
  /** What the device side does throughout; slow answers unless told, so that much is in flight. */
  readonly deviceFaults?: object;
}

export interface Run {
  /** The deployment's own counters: each update counts in one state only. */
  readonly counts: Readonly<Record<string, number>>;
  readonly members: readonly Member[];
  readonly evidence: Evidence;
  readonly finding: Finding;
  readonly seconds: number;
}

/** Rounds that are accepted ahead of what was applied: enough to keep every lane busy. */
const ROUNDS_AHEAD = 8;
const SLOW_ANSWERS = { delayAcceptedMs: { min: 20, max: 80 } };

/**
 * Sends a numbered step to every thing of every identity, round after round, while disasters
 * strike; waits until every update is final, and judges.
 */
export async function run(scenario: Scenario): Promise<Run> {
  const deployment = await Deployment.start(scenario);
  try {
    return await runOn(deployment, scenario);
  } finally {
    await deployment.stop();
  }
}

async function runOn(deployment: Deployment, scenario: Scenario): Promise<Run> {
  const members = await deployment.identities();
  await deployment.aws.deviceFaults(scenario.deviceFaults ?? SLOW_ANSWERS);
  const startedAt = performance.now();
  const [rounds] = await Promise.all([
    send(deployment, members),
    strike(scenario, deployment, members),
  ]);
  await deployment.allFinal(rounds.flat());
  const seconds = (performance.now() - startedAt) / 1000;
  await deployment.aws.deviceFaults({});
  const things = members.flatMap((_, owner) => thingsOf(owner));
  const evidence = await evidenceOf(deployment.aws, deployment.logFile, things);
  const finding = judge(await recordsOf(deployment, rounds), evidence);
  return { members, evidence, finding, seconds, counts: await countsOf(deployment) };
}

function thingsOf(owner: number): readonly string[] {
  return Array.from({ length: SIZE.thingsEach }, (_, thing) => `device_chaos_${owner}_${thing}`);
}

/** The ids of each round. A round is repeated, under the same key, until it is acknowledged. */
async function send(
  deployment: Deployment,
  members: readonly Member[],
): Promise<readonly (readonly string[])[]> {
  const rounds: (readonly string[])[] = [];
  for (let step = 0; step < SIZE.rounds; step += 1) {
    const updates = members.flatMap(({ id: identityId }, owner) =>
      thingsOf(owner).map((thing) => ({ identityId, thing, desired: { step } })),
    );
    await applied(deployment, Math.max(0, step - ROUNDS_AHEAD) * updates.length);
    const idempotencyKey = `round ${step}`;
    const offer = () => deployment.fleet.sendAll(updates, { idempotencyKey });
    const round = await eventually(offer, { deadlineMs: 60_000, intervalMs: 100 });
    rounds.push(round);
  }
  return rounds;
}

async function strike(
  { disasters }: Scenario,
  deployment: Deployment,
  members: readonly Member[],
): Promise<void> {
  const all = SIZE.identities * SIZE.thingsEach * SIZE.rounds;
  for (const disaster of disasters) {
    await applied(deployment, disaster.at * all);
    await disaster.strike(deployment, members);
  }
}

/** Waits until AWS has accepted so many updates. */
async function applied({ aws }: Deployment, least: number): Promise<void> {
  const look = async () => {
    const length = await aws.ledgerLength();
    if (length < least) throw new Error(`${length} of ${least} updates applied`);
  };
  await eventually(look, { deadlineMs: DEADLINE_MS });
}

async function recordsOf(
  { fleet }: Deployment,
  rounds: readonly (readonly string[])[],
): Promise<readonly Sent[]> {
  const sent = await Promise.all(
    rounds.map(async (ids, step) => {
      const updates = await fleet.updates(ids);
      return Promise.all(
        updates.map(async (update) => {
          const keys = fleet.keys.shard(shardOfUpdate(update.id) ?? 0);
          const unknown = await fleet.redis.hget(keys.update(update.id), 'unknown');
          return { update, step, unknownTries: Number(unknown ?? 0) };
        }),
      );
    }),
  );
  return sent.flat();
}

async function countsOf({ fleet }: Deployment): Promise<Readonly<Record<string, number>>> {
  const totals: Record<string, number> = {};
  for (let shard = 0; shard < fleet.shardCount; shard += 1) {
    const counts = await fleet.redis.hgetall(fleet.keys.shard(shard).counts);
    for (const [state, count] of Object.entries(counts)) {
      totals[state] = (totals[state] ?? 0) + Number(count);
    }
  }
  return Object.fromEntries(Object.entries(totals).filter(([, count]) => count !== 0));
}
