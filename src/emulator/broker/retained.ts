/** Retained messages of the account (aws-facts 1.2, 3.1). */
import type { Message } from './encoding.ts';

/** One publish a second on each topic that retains. */
const TOPIC_INTERVAL_MS = 1000;

export interface RetainedMessage {
  readonly message: Message;
  /** Epoch milliseconds. */
  readonly lastModifiedMs: number;
}

export class RetainedMessages {
  readonly #byTopic = new Map<string, RetainedMessage>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#byTopic.size;
  }

  find(topic: string): RetainedMessage | undefined {
    return this.#byTopic.get(topic);
  }

  /** By topic, sorted. */
  all(): RetainedMessage[] {
    return [...this.#byTopic.values()].sort((a, b) => (a.message.topic < b.message.topic ? -1 : 1));
  }

  /** Stores or, with an empty payload, clears; returns whether the quotas allow it. */
  store(message: Message, nowMs: number): boolean {
    const known = this.#byTopic.get(message.topic);
    if (message.payload.length === 0) {
      this.#byTopic.delete(message.topic);
      return true;
    }
    if (this.#limit !== Number.POSITIVE_INFINITY) {
      if (!known && this.#byTopic.size >= this.#limit) return false;
      if (known && nowMs - known.lastModifiedMs < TOPIC_INTERVAL_MS) return false;
    }
    // A copy: the payload is a view into a larger chunk that would be kept alive.
    const payload = Buffer.from(message.payload);
    this.#byTopic.set(message.topic, { message: { ...message, payload }, lastModifiedMs: nowMs });
    return true;
  }

  restore(message: Message, lastModifiedMs: number): void {
    this.#byTopic.set(message.topic, { message, lastModifiedMs });
  }
}
