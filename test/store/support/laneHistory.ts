import * as fc from 'fast-check';
import { expect } from 'vitest';
import { laneId } from '../../../src/shared/domain/lane.ts';
import { isFinal, type UpdateState } from '../../../src/shared/domain/sets.ts';
import type { UpdateRequest } from '../../../src/shared/domain/update.ts';
import { FencedError } from '../../../src/workers/fleet/lease.ts';
import type { Claim, LaneStep } from '../../../src/workers/shard/laneStore.ts';
import type { Owner } from './owner.ts';
import { request, type ShardWorld } from './shardWorld.ts';

const LANES = 3;
const IDENTITIES = 2;

/** When a wait ends: it has ended, ends soon, or only an event ends it. */
const until = fc.constantFrom(-1, 20, undefined);
const lane = fc.nat({ max: LANES - 1 });
const identity = fc.nat({ max: IDENTITIES - 1 });

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('accept' as const),
      lanes: fc.array(lane, { minLength: 1, maxLength: 4 }),
      coalesce: fc.boolean(),
      delayMs: fc.constantFrom(undefined, undefined, 1, 5, 600_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release what is due' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('claim' as const), lane }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      lane,
      state: fc.constantFrom('SUCCEEDED' as const, 'FAILED' as const),
      claimNext: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('give back' as const),
      lane,
      until,
      progress: fc.constantFrom(
        'unsent' as const,
        'sent' as const,
        'answered' as const,
        'apart' as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('hold' as const),
      lane,
      until,
      reason: fc.constantFrom('CONNECTING' as const, 'IDENTITY_QUARANTINED' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), lane }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), lane, at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('park' as const), identity, until }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), identity }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('change owner' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drain queue' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove job' as const), at: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('run a job' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take a job' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export function arbitrarySteps(): fc.Arbitrary<Step[]> {
  return fc.array(step, { minLength: 15, maxLength: 45, size: 'max' });
}

const DENIAL = { stage: 'CONNECT', gate: 'CONNECT_POLICY', message: 'no', remedy: 'do' } as const;

/** Takes the steps of a random history, with claims left open as a worker in flight has them. */
export class LaneHistory {
  readonly #world: ShardWorld;
  readonly #identities: readonly string[];
  readonly #claims = new Map<string, Claim>();
  #owner: Owner;
  #desired = 0;

  private constructor(world: ShardWorld, identities: readonly string[], owner: Owner) {
    this.#world = world;
    this.#identities = identities;
    this.#owner = owner;
  }

  static async begin(world: ShardWorld): Promise<LaneHistory> {
    const identities = await Promise.all(
      Array.from({ length: IDENTITIES }, () => world.identity()),
    );
    return new LaneHistory(world, identities, await world.takeOver());
  }

  async take(step: Step): Promise<void> {
    const owner = this.#owner;
    switch (step.do) {
      case 'accept':
        await this.#world.accept(
          step.lanes.map((at) => this.#request(at, step.coalesce, step.delayMs)),
        );
        return;
      case 'claim': {
        const id = this.#lane(step.lane);
        // As in a worker: one drainer a lane, and it has one claim.
        if (!this.#claims.has(id)) this.#note(id, await owner.lanes.claim(id));
        return;
      }
      case 'settle': {
        const id = this.#lane(step.lane);
        const claim = this.#takeClaim(id);
        if (claim === undefined) return;
        this.#note(id, await owner.lanes.settle(id, claim, step.state, {}, step.claimNext));
        return;
      }
      case 'give back': {
        const id = this.#lane(step.lane);
        const claim = this.#takeClaim(id);
        if (claim === undefined) return;
        const wait = { reason: 'BACKOFF', until: inMs(step.until) } as const;
        await owner.lanes.giveBack(id, claim, wait, step.progress);
        return;
      }
      case 'hold': {
        const id = this.#lane(step.lane);
        if (this.#claims.has(id)) return;
        await owner.lanes.hold(id, { reason: step.reason, until: inMs(step.until) });
        return;
      }
      case 'expire':
        return this.#expire(this.#lane(step.lane));
      case 'cancel': {
        const id = this.#lane(step.lane);
        const { redis, shardKeys } = this.#world;
        const inLane = await redis.lrange(shardKeys.lane(id), 0, '-1');
        const open = [...inLane, ...(await redis.zrange(shardKeys.scheduled, 0, '-1'))];
        const target = open[step.at % open.length];
        // What is being published stays; anything else must be possible to take back.
        if (target !== undefined)
          await this.#world.control.cancel(target, 'tests', 'no').catch(inFlight);
        return;
      }
      case 'park': {
        await owner.records.park(this.#identity(step.identity), {
          status: step.until === undefined ? 'NEEDS_OPERATOR' : 'QUARANTINED',
          waitReason: step.until === undefined ? 'NEEDS_OPERATOR' : 'IDENTITY_QUARANTINED',
          denial: DENIAL,
          probeInMs: step.until,
        });
        return;
      }
      case 'release': {
        const jobs = await owner.records.release(this.#identity(step.identity));
        await Promise.all(jobs.map((job) => this.#world.queues.promote(0, job)));
        return;
      }
      case 'change owner':
        return this.#changeOwner();
      case 'drain queue':
        await this.#world.queues.queue(0).drain(true);
        return;
      case 'remove job': {
        const jobs = await this.#world.queues.queue(0).getJobs(['wait', 'prioritized', 'delayed']);
        if (jobs.length > 0) await jobs[step.at % jobs.length]?.remove();
        return;
      }
      case 'run a job': {
        const job = await owner.takeJob();
        if (job === undefined) return;
        // The drainers claim what the history has in flight: those claims are not current any more.
        this.#claims.clear();
        await owner.run(job);
        return;
      }
      case 'take a job':
        await owner.takeJob();
        return;
      case 'release what is due':
        return owner.release();
      case 'sweep':
        return owner.sweeper.sweep();
      default:
        step satisfies never;
    }
  }

  /** Everything is released and runs to its end: nothing was lost, nothing overtook. */
  async end(): Promise<void> {
    await this.#changeOwner();
    await Promise.all(this.#identities.map((id) => this.#owner.records.release(id)));
    await this.#world.dueNow();
    await this.#owner.finish();
    const ids = [...this.#world.accepted.values()].flat();
    for (const state of await this.#world.states(ids)) {
      expect(isFinal(state as UpdateState), `${state} is final`).toBe(true);
    }
    for (const [lane, published] of this.#world.firstPublished) {
      const order = this.#world.accepted.get(lane)?.filter((id) => published.includes(id));
      expect(published, 'first publishes come in the order of acceptance').toEqual(order);
    }
  }

  async #changeOwner(): Promise<void> {
    const former = this.#owner;
    const [open] = this.#claims;
    this.#claims.clear();
    this.#owner = await this.#world.takeOver();
    if (open === undefined) return;
    const [lane, claim] = open;
    await expect(former.lanes.settle(lane, claim, 'FAILED', {}, true)).rejects.toThrow(FencedError);
  }

  async #expire(lane: string): Promise<void> {
    const { redis, shardKeys } = this.#world;
    const head = await redis.lindex(shardKeys.lane(lane), 0);
    if (head !== null) await redis.hset(shardKeys.update(head), 'expiresAt', Date.now() - 1000);
  }

  #note(lane: string, step: LaneStep | undefined): void {
    if (step?.kind !== 'claimed') return;
    this.#claims.set(lane, step.claim);
    this.#world.published(lane, step.claim.updateId);
  }

  #takeClaim(lane: string): Claim | undefined {
    const claim = this.#claims.get(lane);
    this.#claims.delete(lane);
    return claim;
  }

  #request(at: number, coalesce: boolean, delayMs: number | undefined): UpdateRequest {
    this.#desired += 1;
    const identityId = this.#identity(at % IDENTITIES);
    const desired = { [`field_${this.#desired % 3}`]: this.#desired };
    return request(identityId, { thing: `device_${at}`, desired, coalesce, delayMs });
  }

  #lane(at: number): string {
    return laneId({ identityId: this.#identity(at % IDENTITIES), thing: `device_${at}` });
  }

  #identity(at: number): string {
    return this.#identities[at] ?? '';
  }
}

function inFlight(error: unknown): void {
  expect(error).toMatchObject({ code: 'UPDATE_IN_FLIGHT' });
}

function inMs(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Date.now() + ms;
}
