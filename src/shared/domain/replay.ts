import type { Update, UpdateRequest } from './update.ts';

/** Of the updates that repeat one, so many are listed: the newest. */
export const MOST_REPLAYS = 100;

/**
 * The request that sends an update again: as it was, but for its deadline and its start. `group` is
 * the one that it was sent through, where that is still there: it goes through it again, so that the
 * choice of the thing's member holds for it, too. Otherwise the identity that sent it does so again.
 */
export function replayOf(
  original: Update,
  group: { readonly id: string } | undefined,
  changes: Partial<UpdateRequest> = {},
): UpdateRequest {
  const { identityId, thing, shadow, confirm, coalesce, labels = [] } = original;
  return {
    ...(group === undefined ? { identityId } : { identityId: '', groupId: group.id }),
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
