import { setTimeout as delay } from 'node:timers/promises';
import { CliFailure } from '../failure.ts';

const NOT_AS_EXPECTED = 1;

/** The demo proves something only because it can fail: it then says what it expected and saw. */
export function expectThat(holds: boolean, expected: string, saw: unknown): asserts holds {
  if (!holds) throw unexpected(expected, saw);
}

export function unexpected(expected: string, saw: unknown): CliFailure {
  const text = typeof saw === 'string' ? saw : JSON.stringify(saw, undefined, 1);
  return new CliFailure(
    'The demo did not turn out as expected.',
    'This is a defect: please report it with the lines above.',
    { exitCode: NOT_AS_EXPECTED, detail: `  expected  ${expected}\n  saw       ${text}` },
  );
}

export interface Wait<T> {
  /** What is waited for, as the end of "expected …". */
  readonly expected: string;
  readonly look: () => Promise<T>;
  readonly until: (seen: T) => boolean;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly everyMs?: number;
  readonly onLook?: (seen: T) => void;
}

/** Looks until it is so; at the deadline it fails with the last thing seen. */
export async function waitUntil<T>(wait: Wait<T>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const seen = await wait.look();
    wait.onLook?.(seen);
    if (wait.until(seen)) return seen;
    if (performance.now() - startedAt > wait.deadlineMs) {
      throw unexpected(`${wait.expected}, within ${wait.deadlineMs / 1000} s`, seen);
    }
    await delay(wait.everyMs ?? 100, undefined, { signal: wait.signal });
  }
}
