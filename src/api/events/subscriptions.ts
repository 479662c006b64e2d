import { CourierError } from '../../shared/errors/courierError.ts';

export interface SubscriptionLimits {
  /** At once, of one actor. */
  readonly perActor: number;
  /** At once, of all. */
  readonly inAll: number;
  /** After this long a subscription is interrupted, so that its caller proves again who it is. */
  readonly maxMs: number;
}

/** One that runs. */
export interface OpenSubscription {
  /** Aborts when it is to end. */
  readonly signal: AbortSignal;
  /** Whether it was ended from here, and its caller should come back and go on. */
  readonly interrupted: boolean;
  close(): void;
}

/** The subscriptions of this process: who has how many, and that they end when the process does. */
export class Subscriptions {
  readonly #limits: SubscriptionLimits;
  readonly #open = new Set<() => void>();
  readonly #byActor = new Map<string, number>();
  #stopped = false;

  readonly #onCount: (count: number) => void;

  constructor(limits: SubscriptionLimits, onCount: (count: number) => void) {
    this.#limits = limits;
    this.#onCount = onCount;
  }

  /** @throws TOO_MANY_SUBSCRIPTIONS */
  open(actor: string): OpenSubscription {
    const { perActor, inAll, maxMs } = this.#limits;
    const own = this.#byActor.get(actor) ?? 0;
    if (own >= perActor) throw tooMany(`${actor} has ${own} subscriptions already.`);
    if (this.#open.size >= inAll) throw tooMany('This process has as many as it takes.');
    const controller = new AbortController();
    let interrupted = false;
    const interrupt = () => {
      interrupted = true;
      close();
    };
    const timer = setTimeout(interrupt, maxMs);
    const close = () => {
      clearTimeout(timer);
      controller.abort();
      if (!this.#open.delete(interrupt)) return;
      this.#onCount(this.#open.size);
      const left = (this.#byActor.get(actor) ?? 1) - 1;
      if (left === 0) this.#byActor.delete(actor);
      else this.#byActor.set(actor, left);
    };
    this.#open.add(interrupt);
    this.#onCount(this.#open.size);
    this.#byActor.set(actor, own + 1);
    if (this.#stopped) interrupt();
    return {
      signal: controller.signal,
      get interrupted() {
        return interrupted;
      },
      close,
    };
  }

  /** Ends all of them, and those that come later at once; their callers find another process. */
  stop(): void {
    this.#stopped = true;
    for (const interrupt of this.#open) interrupt();
  }
}

function tooMany(message: string): CourierError {
  return new CourierError(
    'TOO_MANY_SUBSCRIPTIONS',
    message,
    'End one of them first; one subscription can follow many updates.',
  );
}
