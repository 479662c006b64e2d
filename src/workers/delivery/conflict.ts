import type { JsonObject } from '../../shared/domain/desired.ts';
import { holdsPatch } from '../../shared/domain/patch.ts';
import type { PublishOutcome } from '../connection/publishOutcome.ts';
import type { ShadowReading } from '../connection/shadowReading.ts';
import type { Claim } from '../shard/laneStore.ts';
import type { RetryPolicy } from './retryPolicy.ts';
import { again, failed, type Settlement } from './settlement.ts';

const CONFLICT = 409;

/**
 * Whether a version conflict may be with an earlier publish of the same update, whose answer never
 * came: that one would have moved the version on.
 */
export function mayHaveMetItself(outcome: PublishOutcome, claim: Claim): boolean {
  return outcome.kind === 'rejected' && outcome.code === CONFLICT && claim.unknownTries > 0;
}

/**
 * What such a conflict means, judged by the shadow as it is now: one version on with our fields in
 * it, it was ours. Anything else cannot be told from somebody else's update. Pure.
 */
export function afterConflict(
  reading: ShadowReading,
  outcome: PublishOutcome,
  claim: Claim,
  policy: RetryPolicy,
  now: number,
): Settlement {
  const expected = claim.expectedVersion ?? Number.NaN;
  switch (reading.kind) {
    case 'document':
      if (reading.version === expected + 1 && holdsPatch(reading.desired, patchOf(claim))) {
        const fields = { milestone: 'ACCEPTED', version: reading.version, publishedAt: now };
        return { kind: 'settle', state: 'SUCCEEDED', fields, code: undefined };
      }
      return unknown(`the shadow has version ${reading.version} by now`);
    case 'missing':
      return unknown('the shadow has no document');
    case 'refused':
      return unknown(`the shadow could not be read: ${reading.why}`);
    case 'later':
      // Publishing again with the old version changes nothing, and the shadow is read once more.
      if (claim.tries >= policy.maxTries) {
        return unknown(`the shadow could not be read: ${reading.why}`);
      }
      return again(`reading the shadow: ${reading.why}`, 'answered', claim, policy, now);
    default:
      return reading satisfies never;
  }

  function unknown(found: string): Settlement {
    const said = outcome.kind === 'rejected' ? `: ${outcome.message}` : '';
    return failed({
      code: 'OUTCOME_UNKNOWN',
      message: `The shadow service rejected the update with 409${said}. An earlier publish of it got no answer, so the conflict may be with itself, and ${found}.`,
      remedy: 'Read the shadow: if it holds the desired fields, the update was applied.',
      awsCode: CONFLICT,
    });
  }
}

function patchOf(claim: Claim): JsonObject {
  return JSON.parse(claim.desired) as JsonObject;
}
