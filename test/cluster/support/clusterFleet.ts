import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Courier, type IdentityView } from '../../../src/cli/client/courier.ts';
import { GraphqlClient } from '../../../src/cli/client/graphql.ts';
import { shardOfUpdate } from '../../../src/shared/domain/ids.ts';
import { isFinal } from '../../../src/shared/domain/sets.ts';
import { type Finding, judge } from '../../chaos/support/judge.ts';
import { evidenceOf } from '../../chaos/support/witness.ts';
import { eventually } from '../../support/eventually.ts';
import { type RunningProcess, startProgram } from '../../support/processes.ts';
import type { RedisTarget } from '../../../src/shared/redis/target.ts';
import { Aws } from '../../workers/support/aws.ts';
import { Fleet, QUICK_CONNECTS } from '../../workers/support/fleet.ts';
import { sendRound } from './sendRound.ts';

const SHARDS = 6;
const RUNS = 3;
const IDENTITIES = 8;
const THINGS_EACH = 3;
const ROUNDS = 12;
const ROUNDS_AHEAD = 4;
const TOKEN = 'a-token-of-the-cluster-0123456789';
const DEADLINE_MS = 60_000;

/** How many updates a run sends. */
export const UPDATES = IDENTITIES * THINGS_EACH * ROUNDS;

/** What happens once this share of all updates was applied. */
export interface Event {
  readonly at: number;
  readonly happens: () => Promise<unknown>;
}

export interface Result {
  readonly finding: Finding;
  /** How many updates more the shards' own counters count in each state. */
  readonly counted: Readonly<Record<string, number>>;
}

/** An API process and an emulated account on a Redis Cluster, mostly; workers are each test's own. */
export class ClusterFleet {
  readonly fleet: Fleet;
  readonly #aws: Aws;
  readonly #directory: string;
  readonly api: RunningProcess;
  readonly #client: GraphqlClient;

  private constructor(fleet: Fleet, aws: Aws, directory: string, api: RunningProcess, url: string) {
    this.fleet = fleet;
    this.#aws = aws;
    this.#directory = directory;
    this.api = api;
    this.#client = new GraphqlClient(url, TOKEN);
  }

  /** `settings` are the API's own besides, such as another way to the same store. */
  static async start(
    { target }: { readonly target: RedisTarget },
    settings: Readonly<Record<string, string>> = {},
  ): Promise<ClusterFleet> {
    const directory = mkdtempSync(join(tmpdir(), 'courier-cluster-'));
    const users = ['--users', String(RUNS * IDENTITIES)];
    const aws = await Aws.start([...QUICK_CONNECTS, ...users, '--log', logFileIn(directory)]);
    const fleet = new Fleet(target, aws, SHARDS);
    const own = { API_TOKENS: `tests:${TOKEN}`, API_PORT: '0', API_OPS_PORT: '0' };
    const api = await startProgram('src/api/main.ts', [], {
      env: { ...fleet.environment(settings), ...own },
    });
    const [, url = ''] = await api.line(/"url":"(http:[^"]+\/graphql)".*GraphQL is served/);
    return new ClusterFleet(fleet, aws, directory, api, url);
  }

  /**
   * Registers users, sends numbered steps to their things through the API while events strike,
   * waits until every update is final, and judges them by the emulator's own log.
   */
  async run(name: string, events: readonly Event[]): Promise<Result> {
    const [before, applied] = await Promise.all([this.#counts(), this.#aws.ledgerLength()]);
    const courier = new Courier(this.#client);
    const users = Array.from({ length: IDENTITIES }, () => this.#aws.user());
    const identities = await Promise.all(users.map((user) => courier.register(user)));
    await this.#aws.deviceFaults({ delayAcceptedMs: { min: 20, max: 60 } });
    const progress = (share: number) => this.#applied(applied + share * UPDATES);
    const [rounds] = await Promise.all([
      this.#send(name, identities, progress),
      strike(events, progress),
    ]);
    const ids = rounds.flat();
    await eventually(
      async () => {
        const open = (await this.fleet.updates(ids)).filter(({ state }) => !isFinal(state));
        if (open.length > 0) throw new Error(`${open.length} open, as ${JSON.stringify(open[0])}`);
      },
      { deadlineMs: DEADLINE_MS, intervalMs: 50 },
    );
    const after = await this.#counts();
    const counted = Object.entries(after).map(([state, count]) => [
      state,
      count - (before[state] ?? 0),
    ]);
    return { finding: await this.#judge(name, rounds), counted: Object.fromEntries(counted) };
  }

  async #counts(): Promise<Readonly<Record<string, number>>> {
    const totals: Record<string, number> = {};
    for (let shard = 0; shard < SHARDS; shard += 1) {
      const counts = await this.fleet.redis.hgetall(this.fleet.keys.shard(shard).counts);
      for (const [state, count] of Object.entries(counts)) {
        if (count !== '0') totals[state] = (totals[state] ?? 0) + Number(count);
      }
    }
    return totals;
  }

  async stop(): Promise<void> {
    await this.api.kill();
    await this.fleet.stop();
    await this.#aws.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** The ids of each round. A round is repeated, under the same key, until it is acknowledged. */
  async #send(
    name: string,
    identities: readonly IdentityView[],
    progress: (share: number) => Promise<void>,
  ): Promise<readonly (readonly string[])[]> {
    const rounds: (readonly string[])[] = [];
    for (let step = 0; step < ROUNDS; step += 1) {
      const updates = identities.flatMap(({ id: identityId }, owner) =>
        thingsOf(name, owner).map((thing) => ({ identityId, thing, desired: { step } })),
      );
      await progress(Math.max(0, step - ROUNDS_AHEAD) / ROUNDS);
      const offer = () => sendRound(this.#client, `${name} ${step}`, updates);
      rounds.push(await eventually(offer, { deadlineMs: DEADLINE_MS, intervalMs: 100 }));
    }
    return rounds;
  }

  async #applied(least: number): Promise<void> {
    const look = async () => {
      const length = await this.#aws.ledgerLength();
      if (length < least) throw new Error(`${length} of ${least} updates applied`);
    };
    await eventually(look, { deadlineMs: DEADLINE_MS });
  }

  /** By what AWS saw of this run's own things. */
  async #judge(name: string, rounds: readonly (readonly string[])[]): Promise<Finding> {
    const { fleet } = this;
    const things = Array.from({ length: IDENTITIES }, (_, owner) => thingsOf(name, owner)).flat();
    const all = await evidenceOf(this.#aws, logFileIn(this.#directory), things);
    const evidence = { ...all, ledger: all.ledger.filter(({ thing }) => things.includes(thing)) };
    const sent = rounds.map(async (ids, step) =>
      Promise.all(
        (await fleet.updates(ids)).map(async (update) => {
          const keys = fleet.keys.shard(shardOfUpdate(update.id) ?? 0);
          const unknown = await fleet.redis.hget(keys.update(update.id), 'unknown');
          return { update, step, unknownTries: Number(unknown ?? 0) };
        }),
      ),
    );
    return judge((await Promise.all(sent)).flat(), evidence);
  }
}

async function strike(
  events: readonly Event[],
  progress: (share: number) => Promise<void>,
): Promise<void> {
  for (const { at, happens } of events) {
    await progress(at);
    await happens();
  }
}

function thingsOf(name: string, owner: number): readonly string[] {
  return Array.from({ length: THINGS_EACH }, (_, thing) => `device_${name}_${owner}_${thing}`);
}

function logFileIn(directory: string): string {
  return join(directory, 'iot.log');
}
