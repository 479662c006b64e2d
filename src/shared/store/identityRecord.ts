import type { ConnectionView, Identity, Quarantine } from '../domain/identity.ts';
import type { ConnectionState, DisconnectKind, IdentityStatus } from '../domain/sets.ts';
import { parseWords } from '../domain/tags.ts';
import { optionalNumber, parseDenial } from './updateRecord.ts';

type Fields = Readonly<Record<string, string>>;

export function parseIdentity(shard: number, fields: Fields): Identity | undefined {
  if (fields.id === undefined) return undefined;
  return {
    id: fields.id,
    shard,
    username: fields.username ?? '',
    label: fields.label,
    tags: parseWords(fields.tags),
    groupIds: parseWords(fields.groups),
    status: (fields.status ?? 'PENDING') as IdentityStatus,
    cognitoId: fields.cognitoId,
    createdAt: Number(fields.createdAt),
    attachedAt: optionalNumber(fields.attachedAt),
    quarantine: parseQuarantine(fields),
  };
}

function parseQuarantine(fields: Fields): Quarantine | undefined {
  const denial = parseDenial(fields.denial);
  if (denial === undefined) return undefined;
  return {
    denial,
    since: Number(fields.quarantinedAt),
    probeAt: optionalNumber(fields.probeAt),
    probes: Math.max(0, Number(fields.probes ?? 1) - 1),
  };
}

export function parseConnectionView(fields: Fields): ConnectionView | undefined {
  if (fields.state === undefined) return undefined;
  return {
    state: fields.state as ConnectionState,
    worker: fields.worker ?? '',
    epoch: Number(fields.epoch ?? 0),
    connectedAt: optionalNumber(fields.connectedAt),
    credentialsExpireAt: optionalNumber(fields.credentialsExpireAt),
    recycleAt: optionalNumber(fields.recycleAt),
    inFlight: Number(fields.inFlight ?? 0),
    fights: Number(fields.fights ?? 0),
    lastDisconnectKind:
      fields.lastDisconnectKind === undefined || fields.lastDisconnectKind === ''
        ? undefined
        : (fields.lastDisconnectKind as DisconnectKind),
    lastDisconnect: fields.lastDisconnect === '' ? undefined : fields.lastDisconnect,
  };
}
