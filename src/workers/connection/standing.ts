import type { WaitReason } from '../../shared/domain/sets.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import { IdentityMissingError } from '../shard/identityRecords.ts';
import type { ConnectionDependencies } from './connectionDependencies.ts';
import { isParked, type Readiness } from './readiness.ts';
import type { Verdict } from './refusals.ts';

interface Parked {
  readonly reason: WaitReason;
  readonly probeAt: number | undefined;
}

type Dependencies = Pick<ConnectionDependencies, 'records' | 'events' | 'onActive'>;

/** Whether an identity is parked, here and in its record, and what is still to be told of it. */
export class Standing {
  readonly #identityId: string;
  readonly #deps: Dependencies;
  #parked: Parked | undefined;
  /** Connected while the record says pending or parked: it must be told, or every lane is held. */
  #unannounced: { readonly wasParked: boolean } | undefined;

  constructor(identityId: string, deps: Dependencies) {
    this.#identityId = identityId;
    this.#deps = deps;
  }

  /** Why its updates wait, where it is parked. */
  get held(): Readiness | undefined {
    const parked = this.#parked;
    if (parked === undefined) return undefined;
    return { kind: 'waits', wait: { reason: parked.reason, until: parked.probeAt } };
  }

  /** It was parked by an earlier owner, or while the connection was down. */
  async adopt(): Promise<void> {
    const { waitReason, probeAt } = await this.#deps.records.readParked(this.#identityId);
    this.#parked = { reason: waitReason, probeAt };
  }

  /** @returns whether an operator has released it, perhaps with another secret. */
  async noticeRelease(): Promise<boolean> {
    if (this.#parked === undefined) return false;
    try {
      const { identity } = await this.#deps.records.read(this.#identityId);
      if (isParked(identity)) return false;
    } catch (error) {
      if (!(error instanceof IdentityMissingError)) throw error;
      // The attempt that follows finds the same.
    }
    this.#parked = undefined;
    return true;
  }

  /** It is being tried: what the try finds out counts. */
  unpark(): void {
    this.#parked = undefined;
  }

  async park({ denial, terms }: Extract<Verdict, { kind: 'park' }>): Promise<void> {
    const { records } = this.#deps;
    const { probeInMs } = terms;
    const jittered = probeInMs === undefined ? undefined : probeInMs * (1 + Math.random() / 4);
    const park = { ...terms, denial, probeInMs: jittered };
    const { probeAt } = await records.park(this.#identityId, park);
    this.#parked = { reason: terms.waitReason, probeAt };
  }

  tellParked({ denial }: Extract<Verdict, { kind: 'park' }>): void {
    const { stage, gate, message } = denial;
    const identityId = this.#identityId;
    this.#deps.events.emit('authorization:failed', { stage, gate, identityId, message });
    this.#deps.events.emit('identity:parked', { identityId, stage, gate });
  }

  /** It is connected, and its record says otherwise. */
  connected(wasParked: boolean): void {
    this.#unannounced = { wasParked };
  }

  disconnected(): void {
    this.#unannounced = undefined;
  }

  /**
   * Has the record say that it is active, where that is still to be told.
   * @returns what went wrong; it is tried again, and the connection is up all the same.
   */
  async announce(): Promise<string | undefined> {
    const unannounced = this.#unannounced;
    if (unannounced === undefined) return undefined;
    try {
      await this.#deps.onActive(this.#identityId, unannounced.wasParked);
      if (this.#unannounced === unannounced) this.#unannounced = undefined;
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}
