import type { ConnectionView } from '../../shared/domain/identity.ts';
import type { DisconnectKind } from '../../shared/domain/sets.ts';
import type { ShadowRef } from '../../shared/domain/shadow.ts';
import type { ConnectionDependencies } from './connectionDependencies.ts';
import { ConnectionLife } from './connectionLife.ts';
import type { IncomingMessage, Link } from './link.ts';
import { Publisher, type PublishRequest } from './publisher.ts';
import type { PublishOutcome } from './publishOutcome.ts';
import type { ShadowReading } from './shadowReading.ts';
import { Suspicion } from './suspicion.ts';

/** Denials this far apart still tell of one cause; a wrong guess costs one reconnect. */
const SUSPICION_WINDOW_MS = 600_000;

/** The link of an identity while one is up, what publishes over it, and how those before it ended. */
export class CurrentLink {
  readonly #deps: Pick<ConnectionDependencies, 'settings' | 'budgets'>;
  readonly #suspicion = new Suspicion(SUSPICION_WINDOW_MS);
  readonly #life = new ConnectionLife();
  #link: Link | undefined;
  #publisher: Publisher | undefined;
  #lastPublishAt = 0;

  constructor(deps: Pick<ConnectionDependencies, 'settings' | 'budgets'>) {
    this.#deps = deps;
  }

  begin(link: Link): void {
    const { settings, budgets } = this.#deps;
    this.#link = link;
    this.#publisher = new Publisher(link, settings, budgets, this.#suspicion);
    this.#lastPublishAt = performance.now();
    this.#life.begin(settings.recycleMinMs, settings.recycleMaxMs);
  }

  /** The one that is up. */
  get link(): Link | undefined {
    return this.#link;
  }

  get inFlight(): number {
    return this.#publisher?.inFlight ?? 0;
  }

  /** For how long nothing was published, in milliseconds. */
  get unpublishedMs(): number {
    return performance.now() - this.#lastPublishAt;
  }

  get recycleDue(): boolean {
    return this.#life.recycleDue;
  }

  get view(): Partial<ConnectionView> & Pick<ConnectionView, 'fights'> {
    return this.#life.view;
  }

  receive(message: IncomingMessage): void {
    this.#publisher?.onMessage(message);
  }

  /** Undefined where none is up. */
  publish(request: PublishRequest, mayPublish: () => boolean): Promise<PublishOutcome> | undefined {
    this.#lastPublishAt = performance.now();
    return this.#publisher?.publish(request, mayPublish);
  }

  /** Undefined where none is up. */
  readShadow(ref: ShadowRef, token: string): Promise<ShadowReading> | undefined {
    return this.#publisher?.readShadow(ref, token);
  }

  /** Begins to publish nothing more; what is in flight gets its answer yet. */
  quiet(): void {
    this.#publisher?.quiet();
  }

  /** Waits for no answer any more. */
  abandon(): void {
    this.#publisher?.down('the connection is abandoned');
  }

  /** Resolves when nothing is in flight. */
  async drained(): Promise<void> {
    await this.#publisher?.drained();
  }

  /** It is over, by whomever: what is in flight is unknown. @returns how long it lived, in ms. */
  end(kind: DisconnectKind, reason: string): number {
    const link = this.#link;
    const publisher = this.#publisher;
    this.#link = undefined;
    this.#publisher = undefined;
    publisher?.down(`the connection ended: ${reason}`);
    // Frees the native client; nothing waits for it.
    link?.close().catch(() => undefined);
    return this.#life.end(kind, reason);
  }
}
