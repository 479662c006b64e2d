import { CourierError } from '../../shared/errors/courierError.ts';
import { type Caller, callerKey } from '../caller.ts';

export interface SubscriptionLimits {
  /** At once, of one caller. */
  readonly perCaller: number;
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
  readonly #byCaller = new Map<string, number>();
  readonly #onCount: (count: number) => void;
  #stopped = false;

  constructor(limits: SubscriptionLimits, onCount: (count: number) => void) {
    this.#limits = limits;
    this.#onCount = onCount;
  }

  /** @throws TOO_MANY_SUBSCRIPTIONS */
  open(caller: Caller): OpenSubscription {
    const { perCaller, inAll, maxMs } = this.#limits;
    const key = callerKey(caller);
    const own = this.#byCaller.get(key) ?? 0;
    if (own >= perCaller) throw tooMany(`${caller.actor} has ${own} subscriptions already.`);
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
      const left = (this.#byCaller.get(key) ?? 1) - 1;
      if (left === 0) this.#byCaller.delete(key);
      else this.#byCaller.set(key, left);
    };
    this.#open.add(interrupt);
    this.#onCount(this.#open.size);
    this.#byCaller.set(key, own + 1);
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
