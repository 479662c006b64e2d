import type { UpdateRequest } from '../domain/update.ts';
import { CourierError } from '../errors/courierError.ts';

const MAX_AHEAD_MS = 366 * 86_400_000;

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

/** What is wrong with when an update may begin. */
export function startProblem(request: UpdateRequest, at: number): CourierError | undefined {
  if (request.notBefore !== undefined && request.delayMs !== undefined) {
    return startInvalid('Both notBefore and delay are given.', 'Give one of them.');
  }
  const start = startOf(request, at);
  if (start === undefined) return undefined;
  if (start > at + MAX_AHEAD_MS) {
    return startInvalid('It is to begin in more than 366 days.', 'Send it when it is nearer.');
  }
  if (request.expiresAt !== undefined && start >= request.expiresAt) {
    return startInvalid(
      'It would expire before it may begin.',
      'Let it begin earlier, or expire later.',
    );
  }
  return undefined;
}

function startInvalid(message: string, remedy: string): CourierError {
  return new CourierError('NOT_BEFORE_INVALID', message, remedy);
}
