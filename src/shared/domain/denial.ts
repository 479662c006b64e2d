import type { Gate, Stage } from './sets.ts';

/**
 * A refusal with everything an operator needs: where it happened, what refused, what AWS said and
 * what to do about it. Carried by quarantined identities and by updates that ended NOT_AUTHORIZED.
 */
export interface Denial {
  readonly stage: Stage;
  readonly gate: Gate;
  /** One sentence: what was refused, in AWS's words where it gave any. Never a secret. */
  readonly message: string;
  /** One or two sentences: what to change, and where. */
  readonly remedy: string;
}
