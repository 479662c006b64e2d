import { type CourierEvent, type EventPlace, FLEET_STREAM } from '../domain/courierEvent.ts';
import { updateIdPrefix } from '../domain/ids.ts';
import type {
  ConnectionState,
  FailureCode,
  FinalState,
  IdentityStatus,
  WaitReason,
} from '../domain/sets.ts';
import { optionalNumber } from './updateRecord.ts';

/**
 * An entry of a stream; undefined for a kind that this release does not know, which a newer one
 * may have written.
 */
export function parseEvent(
  stream: number,
  id: string,
  words: readonly string[],
): CourierEvent | undefined {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) fields.set(words[at] ?? '', words[at + 1] ?? '');
  const place = placeOf(stream, id);
  return stream === FLEET_STREAM ? ofFleet(place, fields) : ofShard(place, fields);
}

export function placeOf(stream: number, id: string): EventPlace {
  const [ms, seq] = id.split('-').map(Number);
  return { ms: ms ?? 0, seq: seq ?? 0, stream };
}

type Fields = ReadonlyMap<string, string>;

function ofFleet(place: EventPlace, fields: Fields): CourierEvent | undefined {
  const text = (name: string) => fields.get(name) ?? '';
  switch (text('k')) {
    case 'J':
      return { place, kind: 'WORKER_JOINED', worker: text('w') };
    case 'L':
      return { place, kind: 'WORKER_LEFT', worker: text('w') };
    case 'A':
      return {
        place,
        kind: 'OPERATOR_ACTED',
        action: text('n'),
        actor: text('a'),
        subjects: JSON.parse(fields.get('s') ?? '[]') as string[],
        reason: text('r') || undefined,
      };
    default:
      return undefined;
  }
}

function ofShard(place: EventPlace, fields: Fields): CourierEvent | undefined {
  const text = (name: string) => fields.get(name) ?? '';
  const identityId = text('i');
  const updateId = () => `${updateIdPrefix(place.stream)}${text('u')}`;
  switch (text('k')) {
    case 'E':
      return {
        place,
        kind: 'UPDATE_ENDED',
        updateId: updateId(),
        state: text('s') as FinalState,
        code: (text('c') || undefined) as FailureCode | undefined,
        batchId: text('b') || undefined,
        identityId,
        thing: text('t'),
      };
    case 'H':
      return {
        place,
        kind: 'UPDATE_HELD',
        updateId: updateId(),
        reason: text('r') as WaitReason,
        until: optionalNumber(text('d')),
        identityId,
        thing: text('t'),
      };
    case 'I':
      return {
        place,
        kind: 'IDENTITY_STATUS',
        identityId,
        status: text('s') as IdentityStatus,
        reason: (text('r') || undefined) as WaitReason | undefined,
        probeAt: optionalNumber(text('d')),
      };
    case 'C':
      return {
        place,
        kind: 'CONNECTION_STATE',
        identityId,
        state: text('s') as ConnectionState,
        worker: text('w'),
      };
    case 'B':
      return { place, kind: 'BATCH_ENDED', batchId: text('b') };
    case 'S':
      return { place, kind: 'SHARD_OWNER', shard: place.stream, worker: text('w') || undefined };
    default:
      return undefined;
  }
}
