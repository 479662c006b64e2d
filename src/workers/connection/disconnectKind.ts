import type { DisconnectKind } from '../../shared/domain/sets.ts';
import type { LinkDown } from './link.ts';
import { NOT_AUTHORIZED } from './refusals.ts';

const SESSION_TAKEN_OVER = 0x8e;

/** Why a link ended that nobody here let go. */
export function disconnectKind(down: LinkDown): DisconnectKind {
  if (down.reasonCode === SESSION_TAKEN_OVER) return 'taken_over';
  if (down.reasonCode === NOT_AUTHORIZED) return 'not_authorized';
  return down.reasonCode === undefined ? 'network' : 'server';
}
