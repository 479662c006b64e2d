import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisClient } from '../../shared/redis/client.ts';
import { runScript } from '../../shared/redis/script.ts';
import { TAKE_BUDGET } from '../../shared/store/lua/fleetScripts.ts';

/** A worker draws this much of a second at once, so that Redis is asked ten times a second. */
const BLOCK_MS = 100;
/** Permits that nobody took any more are forgotten after this long. */
const LAPSE_MS = 200;

/**
 * An account-wide rate, shared by all workers through a token bucket in Redis. Permits are drawn
 * in small blocks, as many as are wanted now or were spent of late, and handed out in order. Permits
 * of a block that nobody wants lapse with it, which errs on AWS's side of the limit.
 */
export class Budget {
  readonly name: string;
  readonly #configured: number;
  #perSecond: number;
  readonly #redis: RedisClient;
  readonly #key: string;
  readonly #queue: { cost: number; grant: () => void }[] = [];
  /** What all in the queue ask for. */
  #asked = 0;
  #inHand = 0;
  #inHandUntil = 0;
  #drawing = false;
  #drawnAt = 0;
  /** Permits that were spent since that moment. */
  #spent = 0;
  #spentSince = 0;
  /** What was spent of late, as so much in the time of a block. */
  #pace = 0;

  constructor(redis: RedisClient, key: string, name: string, perSecond: number) {
    this.#redis = redis;
    this.#key = key;
    this.name = name;
    this.#configured = perSecond;
    this.#perSecond = perSecond;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** The rate that the worker was started with. */
  get configured(): number {
    return this.#configured;
  }

  /** Sets another rate while it runs; undefined goes back to the configured one. */
  tune(perSecond: number | undefined): void {
    this.#perSecond = perSecond ?? this.#configured;
  }

  /** Callers that wait now. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Roughly how long a new caller would wait if this worker had the whole budget. */
  get estimateMs(): number {
    return (this.#asked / this.perSecond) * 1000;
  }

  /** Takes `cost` permits if they are in hand. */
  takeNow(cost: number): boolean {
    return this.#queue.length === 0 && this.#spend(cost);
  }

  /** Waits for `cost` permits. @throws the signal's reason when it aborts first. */
  async take(cost: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.takeNow(cost)) return;
    await new Promise<void>((resolve, reject) => {
      const entry = {
        cost,
        grant: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        const at = this.#queue.indexOf(entry);
        if (at >= 0) this.#queue.splice(at, 1);
        if (at >= 0) this.#asked -= cost;
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(entry);
      this.#asked += cost;
      void this.#draw();
    });
  }

  /** What is in hand lapses, unless the head of the queue is saving up for more than one. */
  #spend(cost: number): boolean {
    if (this.#queue.length === 0 && performance.now() > this.#inHandUntil) this.#inHand = 0;
    if (this.#inHand < cost) return false;
    this.#inHand -= cost;
    this.#spent += cost;
    // Ahead of being asked, where what is in hand would not last.
    const soon = performance.now() - this.#drawnAt > BLOCK_MS / 4;
    if (soon && this.#inHand < this.#pace / 2) void this.#draw();
    return true;
  }

  async #draw(): Promise<void> {
    if (this.#drawing) return;
    this.#drawing = true;
    try {
      do await this.#drawBlock();
      while (this.#queue.length > 0);
    } finally {
      this.#drawing = false;
    }
  }

  async #drawBlock(): Promise<void> {
    const block = Math.max(1, Math.floor((this.perSecond * BLOCK_MS) / 1000));
    const short = (this.#queue[0]?.cost ?? 0) - this.#inHand;
    this.#drawnAt = performance.now();
    this.#measurePace(this.#drawnAt);
    const wanted = Math.ceil(
      Math.max(1, short, Math.min(block, Math.max(this.#queue.length, this.#pace))),
    );
    const [granted, waitMs] = await this.#request(wanted);
    this.#inHand += granted;
    this.#inHandUntil = performance.now() + LAPSE_MS;
    while (this.#queue[0] !== undefined && this.#spend(this.#queue[0].cost)) {
      const head = this.#queue.shift();
      this.#asked -= head?.cost ?? 0;
      head?.grant();
    }
    if (granted < wanted && this.#queue.length > 0) await sleep(Math.max(5, waitMs));
  }

  #measurePace(now: number): void {
    const elapsedMs = now - this.#spentSince;
    if (elapsedMs < BLOCK_MS) return;
    this.#pace = Math.floor((this.#spent * BLOCK_MS) / elapsedMs);
    this.#spent = 0;
    this.#spentSince = now;
  }

  /** Asked again after a pause where Redis fails: without it nothing may be spent. */
  async #request(wanted: number): Promise<readonly [granted: number, waitMs: number]> {
    // The same for every caller: a larger one would raise what the account may see in a second.
    const burst = Math.max(1, (this.perSecond * BLOCK_MS) / 1000);
    try {
      const answer = await runScript(
        this.#redis,
        TAKE_BUDGET,
        [this.#key],
        [this.perSecond, burst, wanted],
      );
      const [granted = 0, waitMs = 0] = answer as number[];
      return [granted, waitMs];
    } catch {
      return [0, 250];
    }
  }
}
