import { Pacer } from './pacer.ts';

/** AWS IoT: 10 unacknowledged shadow requests a thing on one connection; more answer 429. */
const MAX_IN_FLIGHT = 10;
const IN_FLIGHT_WAIT_MS = 2000;
/** Things whose pace is remembered; an idle one has nothing to remember. */
const MAX_THINGS = 512;

interface Entry {
  readonly pacer: Pacer;
  inFlight: number;
}

/** The pace of each thing on one connection: requests a second, and requests at once. */
export class ThingPacers {
  readonly #perSecond: number;
  readonly #things = new Map<string, Entry>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  waitMs(thing: string): number {
    const entry = this.#things.get(thing);
    if (entry === undefined) return 0;
    return entry.inFlight >= MAX_IN_FLIGHT ? IN_FLIGHT_WAIT_MS : entry.pacer.waitMs();
  }

  take(thing: string): number {
    return this.#entry(thing).pacer.take(1);
  }

  /** Counts a request as in flight until the returned function is called. */
  enter(thing: string): () => void {
    const entry = this.#entry(thing);
    entry.inFlight += 1;
    return () => {
      entry.inFlight -= 1;
    };
  }

  #entry(thing: string): Entry {
    const entry = this.#things.get(thing) ?? {
      pacer: new Pacer(this.#perSecond, this.#perSecond / 4),
      inFlight: 0,
    };
    // Moved to the end: the map's order is the order of use.
    this.#things.delete(thing);
    this.#things.set(thing, entry);
    if (this.#things.size > MAX_THINGS) this.#forgetOne();
    return entry;
  }

  #forgetOne(): void {
    for (const [thing, entry] of this.#things) {
      if (entry.inFlight > 0 || entry.pacer.waitMs() > 0) continue;
      this.#things.delete(thing);
      return;
    }
  }
}
