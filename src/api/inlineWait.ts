import type { ApiContext } from './context.ts';

/**
 * Does what a mutation does and answers once what it accepted has ended, or the time is over.
 * @throws WAIT_INVALID before anything is done; what `work` throws. Nothing else: what was accepted
 * stays accepted, whether Redis answers later or not.
 */
export function endedWithin<T>(
  context: ApiContext,
  waitMs: number | null | undefined,
  work: () => Promise<T>,
  idsOf: (done: T) => readonly string[],
): Promise<T> {
  return typeof waitMs === 'number' ? workAndWait(context, waitMs, work, idsOf) : work();
}

async function workAndWait<T>(
  context: ApiContext,
  waitMs: number,
  work: () => Promise<T>,
  idsOf: (done: T) => readonly string[],
): Promise<T> {
  const problem = context.ends.problem(waitMs);
  if (problem !== undefined) throw problem;
  const done = await work();
  const waiting = context.ends.waitFor(idsOf(done), waitMs, context.signal);
  await waiting.catch(() => undefined);
  return done;
}
