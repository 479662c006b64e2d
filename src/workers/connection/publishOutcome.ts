import type { Denial } from '../../shared/domain/denial.ts';
import type { WaitReason } from '../../shared/domain/sets.ts';

/** How one try to publish an update ended. A closed set: whoever reads it handles every kind. */
export type PublishOutcome =
  /** The shadow service took it. Times are milliseconds since the publish. */
  | {
      readonly kind: 'accepted';
      readonly version: number;
      readonly pubackMs: number | undefined;
      readonly answerMs: number;
    }
  /** The broker took it, and no more was asked for. */
  | { readonly kind: 'published'; readonly pubackMs: number }
  /** The shadow service refused it, with the code of its documentation. */
  | {
      readonly kind: 'rejected';
      readonly code: number;
      readonly message: string;
      readonly answerMs: number;
    }
  /** A policy refused it. `suspect` where the topic was accepted before, `probe` at the second. */
  | {
      readonly kind: 'denied';
      readonly denial: Denial;
      readonly suspect: boolean;
      readonly probe: boolean;
    }
  /** The broker refused it for now (quota, server busy): it was not applied. */
  | { readonly kind: 'refused'; readonly reasonCode: number }
  /** It went out and no answer came: it may have been applied. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** It did not go out. `until` is epoch milliseconds. */
  | {
      readonly kind: 'unsent';
      readonly reason: WaitReason;
      readonly detail: string;
      readonly until: number;
    };
