import type { DisconnectKind } from '../../shared/domain/sets.ts';
import type { LinkDown } from './link.ts';
import { NOT_AUTHORIZED } from './refusals.ts';

const SESSION_TAKEN_OVER = 0x8e;

/** What is told of a link that was let go here. */
export const LET_GO = {
  idle: 'nothing used it, or another identity needed its place',
  not_authorized: 'its new secret was denied',
  probe: 'closed to find out whether the identity is denied',
  recycled: 'renewed before AWS cuts it, which it does after 24 hours',
  released: 'the worker hands the shard over',
  requested: 'an operator asked for it',
} as const satisfies Partial<Record<DisconnectKind, string>>;
export type LetGoKind = keyof typeof LET_GO;

/** Why a link ended that nobody here let go. */
export function disconnectKind(down: LinkDown): DisconnectKind {
  if (down.reasonCode === SESSION_TAKEN_OVER) return 'taken_over';
  if (down.reasonCode === NOT_AUTHORIZED) return 'not_authorized';
  return down.reasonCode === undefined ? 'network' : 'server';
}
