import { Pacer } from './pacer.ts';

/** AWS IoT: 10 unacknowledged shadow requests a thing on one connection; more answer 429. */
const MAX_IN_FLIGHT = 10;
const IN_FLIGHT_WAIT_MS = 2000;
/** Things whose pace is remembered; an idle one has nothing to remember. */
const MAX_THINGS = 512;

/** The pace of one thing on one connection. */
export class ThingPace {
  readonly #pacer: Pacer;
  #inFlight = 0;

  constructor(perSecond: number) {
    this.#pacer = new Pacer(perSecond, perSecond / 4);
  }

  /** Whether there is anything to remember of it. */
  get idle(): boolean {
    return this.#inFlight === 0 && this.#pacer.waitMs() === 0;
  }

  /** How long a request that came now would have to wait. */
  waitMs(): number {
    return this.#inFlight >= MAX_IN_FLIGHT ? IN_FLIGHT_WAIT_MS : this.#pacer.waitMs();
  }

  /** Takes the permit of a request. @returns how long to wait before it is sent. */
  take(): number {
    return this.#pacer.take(1);
  }

  /** Counts a request as in flight until `leave`. */
  enter(): void {
    this.#inFlight += 1;
  }

  leave(): void {
    this.#inFlight -= 1;
  }
}

/** The pace of each thing on one connection: requests a second, and requests at once. */
export class ThingPacers {
  readonly #perSecond: number;
  readonly #things = new Map<string, ThingPace>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  of(thing: string): ThingPace {
    const pace = this.#things.get(thing) ?? new ThingPace(this.#perSecond);
    // Moved to the end: the map's order is the order of use.
    this.#things.delete(thing);
    this.#things.set(thing, pace);
    if (this.#things.size > MAX_THINGS) this.#forgetOne();
    return pace;
  }

  #forgetOne(): void {
    for (const [thing, pace] of this.#things) {
      if (!pace.idle) continue;
      this.#things.delete(thing);
      return;
    }
  }
}
