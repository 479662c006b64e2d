import type { UpdateRequest } from '../domain/update.ts';

/**
 * When an update may begin, epoch milliseconds; undefined for at once. `at` is when the request
 * first came, so that a repeated one begins when the first would have.
 */
export function startOf(
  { notBefore, delayMs }: Pick<UpdateRequest, 'notBefore' | 'delayMs'>,
  at: number,
): number | undefined {
  if (delayMs !== undefined) return delayMs > 0 ? at + delayMs : undefined;
  return notBefore !== undefined && notBefore > at ? notBefore : undefined;
}

/** The same for a script: a delay counts by Redis's clock, whatever the caller's shows. */
export function startText({ notBefore, delayMs }: UpdateRequest): string {
  return delayMs === undefined ? String(notBefore ?? '') : `+${delayMs}`;
}
