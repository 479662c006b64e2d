import type { EventEmitter } from 'node:events';

/** Resolves at the next such event; unlike `events.once`, an error meanwhile is no end of it. */
export function said(emitter: EventEmitter, event: string): Promise<void> {
  return new Promise((resolve) => emitter.once(event, () => resolve()));
}
