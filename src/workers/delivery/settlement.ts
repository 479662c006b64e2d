import type { FinalState, FailureCode } from '../../shared/domain/sets.ts';
import type { Failure } from '../../shared/domain/update.ts';
import type { PublishOutcome } from '../connection/publishOutcome.ts';
import type { Claim, LaneWait, PublishProgress } from '../shard/laneStore.ts';
import { type RetryPolicy, retryDelayMs } from './retryPolicy.ts';

/** What is written about a try: the update ends, or it is given back and waits. */
export type Settlement =
  | {
      readonly kind: 'settle';
      readonly state: FinalState;
      readonly fields: Readonly<Record<string, string | number>>;
      readonly code: FailureCode | undefined;
    }
  | {
      readonly kind: 'give-back';
      readonly wait: LaneWait;
      readonly progress: PublishProgress;
    };

/** How long a suspect denial waits for a second one, or for the probe's verdict. */
const PROBE_PATIENCE_MS = 2500;

/** Decides what a try's outcome means for its update. Pure; `now` is epoch milliseconds. */
export function settlementOf(
  outcome: PublishOutcome,
  claim: Claim,
  policy: RetryPolicy,
  now: number,
): Settlement {
  switch (outcome.kind) {
    case 'accepted':
      return {
        kind: 'settle',
        state: 'SUCCEEDED',
        fields: { milestone: 'ACCEPTED', version: outcome.version, publishedAt: now },
        code: undefined,
      };
    case 'published':
      return {
        kind: 'settle',
        state: 'SUCCEEDED',
        fields: { milestone: 'PUBLISHED', publishedAt: now },
        code: undefined,
      };
    case 'denied':
      if (outcome.suspect) {
        const wait = { reason: 'PROBING' as const, until: now + PROBE_PATIENCE_MS };
        // Refused is not applied, and an identity that is parked uses up no tries.
        return { kind: 'give-back', wait, progress: 'unsent' };
      }
      return failed({
        code: 'NOT_AUTHORIZED',
        message: outcome.denial.message,
        remedy: outcome.denial.remedy,
        denial: outcome.denial,
      });
    case 'rejected':
      return rejected(outcome.code, outcome.message, claim, policy, now);
    case 'refused':
      return again(`PUBACK reason code ${outcome.reasonCode}`, 'answered', claim, policy, now);
    case 'unknown':
      return again(outcome.why, 'sent', claim, policy, now);
    case 'unsent': {
      const { reason, detail, until } = outcome;
      return { kind: 'give-back', wait: { reason, detail, until }, progress: 'unsent' };
    }
    default:
      return outcome satisfies never;
  }
}

const THROTTLED = 429;
/** The shadow service failed itself: whether it had taken the update is not known. */
const FAILED_INSIDE = new Set([500, 503]);

function rejected(
  code: number,
  message: string,
  claim: Claim,
  policy: RetryPolicy,
  now: number,
): Settlement {
  if (code === THROTTLED || FAILED_INSIDE.has(code)) {
    const progress = code === THROTTLED ? 'answered' : 'sent';
    return again(`rejected with ${code}: ${message}`, progress, claim, policy, now);
  }
  const said = `The shadow service rejected the update with ${code}: ${message}`;
  if (code === 409) {
    return failed({
      code: 'VERSION_CONFLICT',
      message: said,
      remedy: 'Read the shadow and send the update again with its present version.',
      awsCode: 409,
    });
  }
  if (code === 404) {
    return failed({
      code: 'THING_NOT_FOUND',
      message: said,
      remedy: 'Create the thing, or correct its name.',
      awsCode: code,
    });
  }
  // One of a group may be what was refused, or their sum: each is sent by itself then.
  if (claim.members.length > 0) {
    const wait = { reason: 'BACKOFF' as const, detail: said, until: now };
    return { kind: 'give-back', wait, progress: 'apart' };
  }
  return failed({
    code: code === 413 ? 'TOO_LARGE' : 'REJECTED',
    message: said,
    remedy:
      code === 413
        ? 'The shadow would grow beyond its limit: remove fields (set them to null), or use a named shadow.'
        : 'Correct the desired document; the message says what the shadow service did not take.',
    awsCode: code,
  });
}

export function again(
  why: string,
  progress: PublishProgress,
  claim: Claim,
  policy: RetryPolicy,
  now: number,
): Settlement {
  if (claim.tries >= policy.maxTries) {
    return failed(
      {
        code: 'TRIES_EXHAUSTED',
        message: `Gave up after ${claim.tries} publishes; the last one: ${why}`,
        remedy: 'Look at the health of AWS IoT and of the workers, then send the update again.',
      },
      progress === 'sent' ? { unknown: claim.unknownTries + 1 } : {},
    );
  }
  const until = now + retryDelayMs(policy, claim.tries);
  return { kind: 'give-back', wait: { reason: 'BACKOFF', detail: why, until }, progress };
}

export function failed(failure: Failure, extra: Readonly<Record<string, number>> = {}): Settlement {
  return {
    kind: 'settle',
    state: 'FAILED',
    fields: { failure: JSON.stringify(failure), ...extra },
    code: failure.code,
  };
}
