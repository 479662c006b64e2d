import { type Lane, parseLaneId } from '../../shared/domain/lane.ts';
import { type FinalState, isOpenState } from '../../shared/domain/sets.ts';
import type { PublishOutcome } from '../connection/publishOutcome.ts';
import type { IdentityConnection } from '../connection/identityConnection.ts';
import type { Readiness } from '../connection/readiness.ts';
import type { EventBus } from '../events.ts';
import type { Claim, LaneStep, LaneStore, LaneWait } from '../shard/laneStore.ts';
import { documentOf, endingsOf } from '../shard/group.ts';
import { afterConflict, mayHaveMetItself } from './conflict.ts';
import type { RetryPolicy } from './retryPolicy.ts';
import { type Settlement, settlementOf } from './settlement.ts';

/** What a drainer needs of an identity's connection. */
export type Outlet = Pick<IdentityConnection, 'state' | 'ready' | 'publish' | 'readShadow'>;

export interface DrainerDependencies {
  readonly lanes: LaneStore;
  readonly events: EventBus;
  readonly retry: RetryPolicy;
  /** Waits for the identity's connection, or says why the drain steps aside. */
  ready(connection: Outlet): Promise<Readiness>;
  connection(identityId: string): Outlet;
  /** A denial may concern the identity: whether the update waits until that is found out. */
  denied(identityId: string, verdict: { suspect: boolean; probe: boolean }): boolean;
  /** True once no new update may be begun. */
  quiet(): boolean;
  /** Why no update of this identity may be begun until somebody resumes; undefined where one may. */
  paused(identityId: string): string | undefined;
}

/** How a wish to have an update settled ended. */
export type DrainResult =
  /** `state` is absent where the update had ended before. */
  | { readonly kind: 'settled'; readonly state?: FinalState }
  | { readonly kind: 'waits'; readonly wait: LaneWait };

interface Waiter {
  readonly updateId: string;
  readonly resolve: (result: DrainResult) => void;
  readonly reject: (error: unknown) => void;
}

/** The next owner runs the job at once. */
function handingOver(): DrainResult {
  const detail = 'the shard is handed over';
  return { kind: 'waits', wait: { reason: 'NO_OWNER', detail, until: Date.now() } };
}

/**
 * Drains one lane from its head, one publish at a time. There is at most one drainer a lane, in
 * the worker that owns its shard; jobs ask it to have their updates settled, and whatever stands
 * before them is settled on the way.
 */
export class LaneDrainer {
  readonly #id: string;
  readonly #lane: Lane;
  readonly #deps: DrainerDependencies;
  readonly #onIdle: () => void;
  #waiters: Waiter[] = [];
  #running = false;

  /** `onIdle` is called whenever nobody waits for this lane any more. */
  constructor(laneId: string, deps: DrainerDependencies, onIdle: () => void) {
    this.#id = laneId;
    this.#lane = parseLaneId(laneId);
    this.#deps = deps;
    this.#onIdle = onIdle;
  }

  /** Resolves when the update is settled, or with why its lane must wait. */
  drainTo(updateId: string): Promise<DrainResult> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ updateId, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  /** Whether a wait of this lane that is ended by an event has been ended by now. */
  hasEnded({ reason }: LaneWait): boolean {
    const { identityId } = this.#lane;
    if (reason === 'PAUSED') return this.#deps.paused(identityId) === undefined;
    return reason === 'CONNECTING' && this.#deps.connection(identityId).state === 'connected';
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#waiters.length > 0) await this.#round();
    } catch (error) {
      for (const waiter of this.#take()) waiter.reject(error);
    } finally {
      this.#running = false;
      this.#onIdle();
    }
  }

  /** From a fresh look at the lane until it is empty, must wait, or nobody asks any more. */
  async #round(): Promise<void> {
    if (this.#deps.quiet()) return this.#resolveAll(handingOver());
    const paused = this.#deps.paused(this.#lane.identityId);
    if (paused !== undefined) return this.#hold({ reason: 'PAUSED', detail: paused });
    const connection = this.#deps.connection(this.#lane.identityId);
    const readiness = await this.#deps.ready(connection);
    if (readiness.kind === 'waits') return this.#hold(readiness.wait);
    let step: LaneStep | undefined = await this.#deps.lanes.claim(this.#id);
    this.#noteEnded(step);
    if (step.kind === 'claimed') await this.#resolveSettledBefore(step.claim);
    while (step !== undefined) {
      switch (step.kind) {
        case 'empty':
          return this.#resolveAll({ kind: 'settled' });
        case 'waits':
          return this.#resolveAll(step);
        case 'claimed':
          step = await this.#deliver(connection, step.claim);
          break;
        default:
          step satisfies never;
      }
    }
  }

  async #hold(wait: LaneWait): Promise<void> {
    const held = await this.#deps.lanes.hold(this.#id, wait);
    this.#noteEnded(held);
    if (held.kind !== 'waits') return this.#resolveAll({ kind: 'settled' });
    this.#deps.events.emit('update:gave-back', { reason: wait.reason });
    this.#resolveAll(held);
  }

  /** Updates that a script ended: nobody published them, so nobody else tells of their end. */
  #noteEnded({ ended }: LaneStep): void {
    for (const { updateId, state, code, confirm, createdAt } of ended) {
      const sinceSubmitMs = Date.now() - createdAt;
      const event = { state, code, confirm, sinceSubmitMs, answerMs: undefined };
      this.#deps.events.emit('update:settled', event);
      this.#resolve(updateId, { kind: 'settled', state });
    }
  }

  /**
   * A job may run after its update was settled on the way to another: those waiters are done. What
   * is asked for behind a head that is asked for is open as a rule; the rest is found at the end.
   */
  async #resolveSettledBefore(claim: Claim): Promise<void> {
    const asked = this.#waiters.map(({ updateId }) => updateId);
    if (asked.length === 0 || asked.includes(claim.updateId)) return;
    const states = await this.#deps.lanes.statesOf(asked);
    for (const [at, updateId] of asked.entries()) {
      if (!isOpenState(states[at] ?? null)) this.#resolve(updateId, { kind: 'settled' });
    }
  }

  async #deliver(connection: Outlet, claim: Claim): Promise<LaneStep | undefined> {
    const answered = await connection.publish({
      thing: this.#lane.thing,
      shadow: this.#lane.shadow,
      token: claim.updateId,
      desired: documentOf(claim),
      expectedVersion: claim.expectedVersion,
      confirm: claim.confirm,
    });
    const outcome = this.#observe(answered, claim);
    const { retry } = this.#deps;
    const settlement = mayHaveMetItself(outcome, claim)
      ? afterConflict(
          await connection.readShadow(this.#lane, claim.updateId),
          outcome,
          claim,
          retry,
          Date.now(),
        )
      : settlementOf(outcome, claim, retry, Date.now());
    return settlement.kind === 'settle'
      ? this.#settle(settlement, outcome, claim)
      : this.#giveBack(settlement, claim);
  }

  async #settle(
    settlement: Extract<Settlement, { kind: 'settle' }>,
    outcome: PublishOutcome,
    claim: Claim,
  ): Promise<LaneStep | undefined> {
    const { own, members } = endingsOf(claim, settlement.state);
    const endings = [own, ...members];
    const asked = this.#waiters.some(
      (waiter) => !endings.some(({ updateId }) => updateId === waiter.updateId),
    );
    const next = await this.#deps.lanes.settle(
      this.#id,
      claim,
      settlement.state,
      settlement.fields,
      asked && !this.#deps.quiet() && this.#deps.paused(this.#lane.identityId) === undefined,
    );
    for (const { updateId, state } of endings) {
      if (next !== undefined) {
        this.#deps.events.emit('update:settled', {
          state,
          code: settlement.code,
          confirm: claim.confirm,
          sinceSubmitMs: Date.now() - claim.createdAt,
          answerMs: 'answerMs' in outcome ? outcome.answerMs : undefined,
        });
      }
      // A claim that was not current any more was settled before, in whatever way.
      this.#resolve(
        updateId,
        next === undefined ? { kind: 'settled' } : { kind: 'settled', state },
      );
    }
    if (next !== undefined) this.#noteEnded(next);
    // 'empty' is also what a settle without a next claim answers: the next round looks again.
    return next?.kind === 'empty' ? undefined : next;
  }

  async #giveBack(
    settlement: Extract<Settlement, { kind: 'give-back' }>,
    claim: Claim,
  ): Promise<undefined> {
    const { wait, progress } = settlement;
    await this.#deps.lanes.giveBack(this.#id, claim, wait, progress);
    this.#deps.events.emit('update:gave-back', { reason: wait.reason });
    this.#resolveAll({ kind: 'waits', wait: { ...wait, expiresAt: claim.expiresAt } });
    return undefined;
  }

  /** Tells of an outcome, and of a denial whether it is final. */
  #observe(outcome: PublishOutcome, claim: Claim): PublishOutcome {
    const { events } = this.#deps;
    if ('pubackMs' in outcome && outcome.pubackMs !== undefined) {
      const afterPuback = 'answerMs' in outcome ? outcome.answerMs - outcome.pubackMs : 0;
      const sinceSubmitMs = Date.now() - claim.createdAt - afterPuback;
      events.emit('update:published', { sinceSubmitMs });
    }
    if (outcome.kind !== 'denied') return outcome;
    const { identityId } = this.#lane;
    const { stage, gate, message } = outcome.denial;
    events.emit('authorization:failed', { stage, gate, message, identityId });
    return { ...outcome, suspect: this.#deps.denied(identityId, outcome) };
  }

  #resolve(updateId: string, result: DrainResult): void {
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.updateId === updateId) waiter.resolve(result);
      return waiter.updateId !== updateId;
    });
  }

  #resolveAll(result: DrainResult): void {
    for (const waiter of this.#take()) waiter.resolve(result);
  }

  #take(): Waiter[] {
    const waiters = this.#waiters;
    this.#waiters = [];
    return waiters;
  }
}
