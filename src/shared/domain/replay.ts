import type { Update, UpdateRequest } from './update.ts';

/** The request that sends an update again: as it was, but for its deadline and its start. */
export function replayOf(original: Update, changes: Partial<UpdateRequest> = {}): UpdateRequest {
  const { identityId, thing, shadow, confirm, coalesce, labels = [] } = original;
  return {
    identityId,
    thing,
    shadow,
    confirm,
    desired: original.desired,
    expectedVersion: original.expectedVersion,
    ...(coalesce === true ? { coalesce } : {}),
    ...(labels.length === 0 ? {} : { labels }),
    ...changes,
    replayOf: original.id,
  };
}
