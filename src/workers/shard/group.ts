import type { JsonObject } from '../../shared/domain/desired.ts';
import { mergePatches, supersededIn } from '../../shared/domain/patch.ts';
import type { FinalState } from '../../shared/domain/sets.ts';
import type { Claim, Ending } from './laneStore.ts';

/** The document that a claim publishes, as JSON: its own, or what its group's do one after another. */
export function documentOf(claim: Claim): string {
  return claim.members.length === 0 ? claim.desired : JSON.stringify(mergePatches(patches(claim)));
}

export interface Endings {
  readonly own: Ending;
  readonly members: readonly Ending[];
}

/**
 * How each update of a claim ends where its publish ended so. One of whose fields nothing was left
 * was superseded: it never reached the shadow.
 */
export function endingsOf(claim: Claim, state: FinalState): Endings {
  if (claim.members.length === 0) {
    return { own: { updateId: claim.updateId, state, supersededFields: [] }, members: [] };
  }
  // What was not applied superseded nothing.
  const superseded = state === 'SUCCEEDED' ? supersededIn(patches(claim)) : [];
  const ending = (updateId: string, at: number): Ending => ({
    updateId,
    state: superseded[at]?.entirely === true ? 'SUPERSEDED' : state,
    supersededFields: superseded[at]?.fields ?? [],
  });
  return {
    own: ending(claim.updateId, 0),
    members: claim.members.map(({ updateId }, at) => ending(updateId, at + 1)),
  };
}

function patches(claim: Claim): readonly JsonObject[] {
  return [claim, ...claim.members].map(({ desired }) => JSON.parse(desired) as JsonObject);
}
