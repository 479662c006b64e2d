import type { ConnectionView } from '../../shared/domain/identity.ts';
import type { DisconnectKind } from '../../shared/domain/sets.ts';

type Life = Pick<
  ConnectionView,
  'connectedAt' | 'recycleAt' | 'lastDisconnect' | 'lastDisconnectKind' | 'fights'
>;

/** Since when a connection is up, until when it may be, and how its predecessors ended. */
export class ConnectionLife {
  #life: Life = { fights: 0 };

  /** It is up, to be renewed at a random age between the two. */
  begin(minMs: number, maxMs: number): void {
    const now = Date.now();
    const recycleAt = Math.round(now + minMs + Math.random() * (maxMs - minMs));
    this.#life = { ...this.#life, connectedAt: now, recycleAt };
  }

  /** @returns how long it lived. */
  end(kind: DisconnectKind, reason: string): number {
    const livedMs = Date.now() - (this.#life.connectedAt ?? 0);
    this.#life = {
      // Named, since what is not named stays as it was in Redis.
      connectedAt: undefined,
      recycleAt: undefined,
      lastDisconnect: `${kind}: ${reason}`,
      lastDisconnectKind: kind,
      fights: this.#life.fights + (kind === 'taken_over' ? 1 : 0),
    };
    return livedMs;
  }

  get recycleDue(): boolean {
    return Date.now() >= (this.#life.recycleAt ?? 0);
  }

  get view(): Life {
    return this.#life;
  }
}
