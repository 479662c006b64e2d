import type { Denial } from '../../shared/domain/denial.ts';
import type { Stage } from '../../shared/domain/sets.ts';
import { classifyCallFailure } from '../aws/refusal.ts';
import { ChallengeError } from './userPool.ts';

/** Refused until somebody changes something: the identity is parked with this denial. */
export class DeniedError extends Error {
  readonly denial: Denial;

  constructor(denial: Denial) {
    super(denial.message);
    this.name = 'DeniedError';
    this.denial = denial;
  }
}

/** Worth another try after a pause. */
export class TransientError extends Error {
  readonly stage: Stage;
  readonly throttled: boolean;

  constructor(stage: Stage, message: string, throttled: boolean) {
    super(message);
    this.name = 'TransientError';
    this.stage = stage;
    this.throttled = throttled;
  }
}

/** Turns what an AWS call threw into one of the two. */
export function signInError(stage: Stage, thrown: unknown): DeniedError | TransientError {
  if (thrown instanceof ChallengeError) return new DeniedError(thrown.denial);
  const failure = classifyCallFailure(stage, thrown);
  return failure.kind === 'denied'
    ? new DeniedError(failure.denial)
    : new TransientError(stage, failure.message, failure.throttled);
}
