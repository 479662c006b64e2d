/** What is paused: everything, one shard, one identity, or the members of a group. */
export type PauseTarget =
  | { readonly kind: 'FLEET' }
  | { readonly kind: 'SHARD'; readonly shard: number }
  | { readonly kind: 'IDENTITY'; readonly identityId: string }
  | { readonly kind: 'GROUP'; readonly groupId: string };

export const PAUSE_KINDS = [
  'FLEET',
  'SHARD',
  'IDENTITY',
  'GROUP',
] as const satisfies readonly PauseTarget['kind'][];

/** Updates of the target are accepted and wait; what is in flight ends as usual. */
export interface Pause {
  readonly target: PauseTarget;
  readonly actor: string;
  readonly reason: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

/** The name under which Redis keeps the pause of a target. */
export function pauseField(target: PauseTarget): string {
  switch (target.kind) {
    case 'FLEET':
      return 'fleet';
    case 'SHARD':
      return `shard:${target.shard}`;
    case 'IDENTITY':
      return `identity:${target.identityId}`;
    case 'GROUP':
      return `group:${target.groupId}`;
    default:
      return target satisfies never;
  }
}

/** The reverse of `pauseField`; undefined for what this version does not know. */
export function parsePauseField(field: string): PauseTarget | undefined {
  const [kind, name = ''] = field.split(/:(.*)/s);
  switch (kind) {
    case 'fleet':
      return { kind: 'FLEET' };
    case 'shard':
      return { kind: 'SHARD', shard: Number(name) };
    case 'identity':
      return { kind: 'IDENTITY', identityId: name };
    case 'group':
      return { kind: 'GROUP', groupId: name };
    default:
      return undefined;
  }
}

/** What an update that waits for it says: who holds it back, and why. */
export function pauseDetail({ target, actor, reason }: Pause): string {
  return `${pauseField(target)}, by ${actor}: ${reason}`;
}
