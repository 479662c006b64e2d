import { expect, test } from 'vitest';
import type { Denial } from '../../src/shared/domain/denial.ts';
import type { PublishOutcome } from '../../src/workers/connection/publishOutcome.ts';
import { afterConflict, mayHaveMetItself } from '../../src/workers/delivery/conflict.ts';
import { retryDelayMs } from '../../src/workers/delivery/retryPolicy.ts';
import { type Settlement, settlementOf } from '../../src/workers/delivery/settlement.ts';
import type { Claim } from '../../src/workers/shard/laneStore.ts';

const NOW = 1_000_000;
const POLICY = { maxTries: 3, baseMs: 500, maxMs: 60_000 };
const DENIAL: Denial = { stage: 'PUBLISH', gate: 'TOPIC_POLICY', message: 'no', remedy: 'allow' };
const CLAIM: Claim = {
  updateId: 'upd_0_X',
  tries: 1,
  desired: '{}',
  confirm: 'ACCEPTED',
  expectedVersion: undefined,
  expiresAt: undefined,
  createdAt: 0,
  unknownTries: 0,
  members: [],
};

const settle = (outcome: PublishOutcome, over: Partial<Claim> = {}): Settlement =>
  settlementOf(outcome, { ...CLAIM, ...over }, POLICY, NOW);

const rejected = (code: number): PublishOutcome => ({
  kind: 'rejected',
  code,
  message: 'said so',
  answerMs: 1,
});

function failureOf(settlement: Settlement): Record<string, unknown> {
  if (settlement.kind !== 'settle') throw new Error('not settled');
  return JSON.parse(String(settlement.fields.failure)) as Record<string, unknown>;
}

test('an accepted update succeeds with its version', () => {
  const outcome = { kind: 'accepted', version: 9, pubackMs: 1, answerMs: 2 } as const;
  expect(settle(outcome)).toEqual({
    kind: 'settle',
    state: 'SUCCEEDED',
    fields: { milestone: 'ACCEPTED', version: 9, publishedAt: NOW },
    code: undefined,
  });
});

test('a puback is enough where no more was asked for', () => {
  expect(settle({ kind: 'published', pubackMs: 1 })).toMatchObject({
    state: 'SUCCEEDED',
    fields: { milestone: 'PUBLISHED' },
  });
});

test('a denial ends the update with the gate and what to do', () => {
  const outcome = { kind: 'denied', denial: DENIAL, suspect: false, probe: false } as const;
  const settlement = settle(outcome);
  expect(settlement).toMatchObject({ kind: 'settle', state: 'FAILED', code: 'NOT_AUTHORIZED' });
  expect(failureOf(settlement)).toMatchObject({ denial: DENIAL, remedy: 'allow' });
});

test('a suspect denial waits for the probe and uses up no try', () => {
  const outcome = { kind: 'denied', denial: DENIAL, suspect: true, probe: true } as const;
  expect(settle(outcome)).toMatchObject({
    kind: 'give-back',
    progress: 'unsent',
    wait: { reason: 'PROBING' },
  });
});

test.each([
  [429, 'answered'],
  [500, 'sent'],
  [503, 'sent'],
])('a rejection with %i is tried again, as %s', (code, progress) => {
  expect(settle(rejected(code))).toMatchObject({
    kind: 'give-back',
    progress,
    wait: { reason: 'BACKOFF' },
  });
});

test.each([
  [400, 'REJECTED'],
  [404, 'THING_NOT_FOUND'],
  [409, 'VERSION_CONFLICT'],
  [413, 'TOO_LARGE'],
  [415, 'REJECTED'],
  [422, 'REJECTED'],
] as const)('a rejection with %i is the caller’s answer: %s', (code, failure) => {
  const settlement = settle(rejected(code));
  expect(settlement).toMatchObject({ kind: 'settle', state: 'FAILED', code: failure });
  expect(failureOf(settlement)).toMatchObject({ awsCode: code });
  expect(failureOf(settlement).message).toContain('said so');
});

test('a conflict after a try without an answer may be with itself, one without is not', () => {
  expect(mayHaveMetItself(rejected(409), { ...CLAIM, unknownTries: 1 })).toBe(true);
  expect(mayHaveMetItself(rejected(409), CLAIM)).toBe(false);
  expect(mayHaveMetItself(rejected(400), { ...CLAIM, unknownTries: 1 })).toBe(false);
});

const document = (version: number, desired: object) =>
  ({ kind: 'document', version, desired }) as const;

test.each([
  ['one version on with our fields', document(5, { a: 1, b: 2 }), 'SUCCEEDED'],
  ['one version on with other fields', document(5, { a: 2 }), 'OUTCOME_UNKNOWN'],
  ['further on, our fields or not', document(6, { a: 1 }), 'OUTCOME_UNKNOWN'],
  ['gone', { kind: 'missing' }, 'OUTCOME_UNKNOWN'],
  ['not to be read', { kind: 'refused', why: 'denied' }, 'OUTCOME_UNKNOWN'],
  ['not to be read now', { kind: 'later', why: 'throttled' }, 'give-back'],
] as const)('after such a conflict the shadow is %s', (_what, reading, end) => {
  const claim = { ...CLAIM, desired: '{"a":1}', expectedVersion: 4, unknownTries: 1, tries: 2 };
  const settlement = afterConflict(reading, rejected(409), claim, POLICY, NOW);
  const { kind } = settlement;
  expect(kind === 'settle' ? (settlement.code ?? settlement.state) : kind).toBe(end);
});

test('a shadow that cannot be read until the last try leaves the outcome unknown', () => {
  const claim = { ...CLAIM, expectedVersion: 4, unknownTries: 1, tries: 3 };
  const reading = { kind: 'later', why: 'throttled' } as const;
  expect(afterConflict(reading, rejected(409), claim, POLICY, NOW)).toMatchObject({
    code: 'OUTCOME_UNKNOWN',
  });
});

test('a refusal of the broker is tried again and was not applied', () => {
  expect(settle({ kind: 'refused', reasonCode: 0x97 })).toMatchObject({
    kind: 'give-back',
    progress: 'answered',
  });
});

test('an answer that never came is unknown, not failed: the same token is tried again', () => {
  expect(settle({ kind: 'unknown', why: 'cut' })).toMatchObject({
    kind: 'give-back',
    progress: 'sent',
    wait: { reason: 'BACKOFF', detail: 'cut' },
  });
});

test('what did not go out waits as its outcome says and uses up no try', () => {
  const outcome = {
    kind: 'unsent',
    reason: 'RATE_LIMITED',
    detail: 'budget',
    until: NOW + 5,
  } as const;
  expect(settle(outcome, { tries: 3 })).toEqual({
    kind: 'give-back',
    wait: { reason: 'RATE_LIMITED', detail: 'budget', until: NOW + 5 },
    progress: 'unsent',
  });
});

test('after the last try an update fails, and an unknown one stays counted', () => {
  const last = { tries: 3, unknownTries: 1 };
  expect(settle({ kind: 'unknown', why: 'cut' }, last)).toMatchObject({
    state: 'FAILED',
    code: 'TRIES_EXHAUSTED',
    fields: { unknown: 2 },
  });
  expect(settle({ kind: 'refused', reasonCode: 0x97 }, last)).toMatchObject({
    state: 'FAILED',
    code: 'TRIES_EXHAUSTED',
  });
  expect(settle(rejected(500), last)).toMatchObject({ code: 'TRIES_EXHAUSTED' });
});

test('a backoff doubles, stays between half and all of its ceiling, and is capped', () => {
  const least = [1, 2, 3, 8, 30, 5000].map((tries) => retryDelayMs(POLICY, tries, () => 0));
  const most = [1, 2, 3, 8, 30, 5000].map((tries) => retryDelayMs(POLICY, tries, () => 1));
  expect(least).toEqual([250, 500, 1000, 30_000, 30_000, 30_000]);
  expect(most).toEqual([500, 1000, 2000, 60_000, 60_000, 60_000]);
});
