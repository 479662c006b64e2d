import type { Denial } from '../domain/denial.ts';
import type { JsonObject } from '../domain/desired.ts';
import { parseLabels } from '../domain/labels.ts';
import type { ConfirmLevel, Milestone, UpdateState, WaitReason } from '../domain/sets.ts';
import type { Failure, Update, Wait } from '../domain/update.ts';
import { longField } from './lua/longFields.ts';

/** The fields of an update's hash in Redis; the scripts use the same names. */
type Fields = Readonly<Record<string, string>>;

export function parseUpdate(id: string, fields: Fields): Update {
  const state = fields.state as UpdateState;
  const unknown = Number(fields.unknown ?? 0);
  return {
    id,
    identityId: fields.identity ?? '',
    thing: fields.thing ?? '',
    groupId: fields.through,
    shadow: fields.shadow,
    desired: JSON.parse(longField(fields, 'desired') ?? '{}') as JsonObject,
    confirm: (fields.confirm ?? 'ACCEPTED') as ConfirmLevel,
    expectedVersion: optionalNumber(fields.expectedVersion),
    expiresAt: optionalNumber(fields.expiresAt),
    notBefore: optionalNumber(fields.notBefore),
    coalesce: fields.coalesce !== undefined,
    replayOf: fields.replayOf,
    batchId: fields.batch,
    labels: parseLabels(fields.labels),
    actor: fields.actor ?? '',
    state,
    milestone: fields.milestone as Milestone | undefined,
    version: optionalNumber(fields.version),
    tries: Number(fields.tries ?? 0),
    wait: state === 'HELD' ? parseWait(fields) : undefined,
    failure: parseFailure(longField(fields, 'failure')),
    cancellation:
      fields.canceledBy === undefined
        ? undefined
        : { actor: fields.canceledBy, reason: fields.cancelReason },
    carriedBy: fields.carriedBy,
    supersededFields:
      fields.superseded === undefined ? [] : (JSON.parse(fields.superseded) as string[]),
    maybeApplied: unknown > 0 && state !== 'SUCCEEDED' && state !== 'SUPERSEDED',
    createdAt: Number(fields.createdAt),
    publishedAt: optionalNumber(fields.publishedAt),
    finishedAt: optionalNumber(fields.finishedAt),
  };
}

function parseFailure(text: string | undefined): Failure | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Failure);
}

function parseWait(fields: Fields): Wait {
  return {
    reason: (fields.waitReason ?? 'BACKOFF') as WaitReason,
    detail: fields.waitDetail,
    until: optionalNumber(fields.waitUntil),
  };
}

export function optionalNumber(value: string | null | undefined): number | undefined {
  return value === undefined || value === null || value === '' ? undefined : Number(value);
}

export function parseDenial(json: string | undefined): Denial | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as Denial);
}
