import type { ShadowRef } from './shadow.ts';

/**
 * A lane is the ordered pending updates of one (identity, shadow). Its id is
 * `<identity>/<thing>` for the classic shadow and `<identity>/<thing>/<shadow>` for a named one;
 * none of the parts can hold a slash.
 */
export interface Lane extends ShadowRef {
  readonly identityId: string;
}

export function laneId(lane: Lane): string {
  const classic = `${lane.identityId}/${lane.thing}`;
  return lane.shadow === undefined ? classic : `${classic}/${lane.shadow}`;
}

export function parseLaneId(id: string): Lane {
  const [identityId, thing, shadow] = id.split('/');
  if (identityId === undefined || thing === undefined) throw new TypeError(`not a lane id: ${id}`);
  return { identityId, thing, shadow };
}
