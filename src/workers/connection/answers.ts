import { isObject } from '../../shared/domain/desired.ts';
import type { LiveShadow } from '../../shared/domain/liveShadow.ts';

/** What the shadow service said to one request. */
export type ShadowAnswer =
  | ({ readonly kind: 'accepted' } & LiveShadow)
  | { readonly kind: 'rejected'; readonly code: number; readonly message: string };

/**
 * Matches the shadow service's answers to the requests that wait for them, by client token.
 * Answers to others (the `accepted` topic of a shadow carries everybody's) are passed over.
 */
export class Answers {
  readonly #waiting = new Map<string, (answer: ShadowAnswer) => void>();

  expect(token: string, onAnswer: (answer: ShadowAnswer) => void): void {
    this.#waiting.set(token, onAnswer);
  }

  forget(token: string): void {
    this.#waiting.delete(token);
  }

  deliver(topic: string, payload: ArrayBuffer): void {
    const accepted = topic.endsWith('/accepted');
    if (!accepted && !topic.endsWith('/rejected')) return;
    const document = parse(payload);
    if (document === undefined || typeof document.clientToken !== 'string') return;
    const onAnswer = this.#waiting.get(document.clientToken);
    if (onAnswer === undefined) return;
    this.#waiting.delete(document.clientToken);
    onAnswer(
      accepted
        ? { kind: 'accepted', ...shadowOf(document) }
        : {
            kind: 'rejected',
            code: Number(document.code),
            message: typeof document.message === 'string' ? document.message : '',
          },
    );
  }
}

interface AnswerDocument {
  readonly clientToken?: unknown;
  readonly version?: unknown;
  readonly state?: unknown;
  readonly metadata?: unknown;
  readonly timestamp?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

function shadowOf({ state, version, metadata, timestamp }: AnswerDocument): LiveShadow {
  const { desired, reported, delta } = (isObject(state) ? state : {}) as {
    readonly desired?: unknown;
    readonly reported?: unknown;
    readonly delta?: unknown;
  };
  return {
    version: Number(version),
    desired,
    reported,
    delta,
    metadata,
    timestamp: typeof timestamp === 'number' ? timestamp : undefined,
  };
}

/** A message that is not JSON is not ours to answer for. */
function parse(payload: ArrayBuffer): AnswerDocument | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
