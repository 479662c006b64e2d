import type { LedgerEntry } from '../../../src/emulator/contract.ts';
import { isFinal } from '../../../src/shared/domain/sets.ts';
import type { Update } from '../../../src/shared/domain/update.ts';
import type { Evidence } from './witness.ts';

/** An update as its record stands at the end, with its place in its lane. */
export interface Sent {
  readonly update: Update;
  readonly step: number;
  /** Tries whose outcome nobody learned, as the record counts them. */
  readonly unknownTries: number;
}

export interface Finding {
  readonly states: Readonly<Record<string, number>>;
  /** Codes of those that failed. */
  readonly failures: Readonly<Record<string, number>>;
  readonly applied: number;
  readonly appliedAgain: number;
  /** Of those, over another connection than the time before. */
  readonly appliedAgainElsewhere: number;
  readonly published: number;
  readonly triesBeyondFirst: number;
  readonly unknownTries: number;
  /** Each a broken promise. */
  readonly faults: readonly string[];
}

/** Holds what we say of every update against what AWS saw of it, both ways. */
export function judge(sent: readonly Sent[], evidence: Evidence): Finding {
  const faults: string[] = [];
  const byToken = groupBy(evidence.ledger, (entry) => entry.clientToken ?? '');
  const states: Record<string, number> = {};
  const failures: Record<string, number> = {};
  for (const one of sent) {
    const { id, state, failure } = one.update;
    states[state] = (states[state] ?? 0) + 1;
    if (failure !== undefined) failures[failure.code] = (failures[failure.code] ?? 0) + 1;
    faults.push(...faultsOf(one, byToken.get(id) ?? []).map((fault) => `${id}: ${fault}`));
  }
  const known = new Set(sent.map(({ update }) => update.id));
  for (const token of byToken.keys()) {
    if (!known.has(token)) faults.push(`${token} was applied, and nobody sent it`);
  }
  const lanes = groupBy(sent, ({ update }) => update.thing);
  const ofThing = groupBy(evidence.ledger, ({ thing }) => thing);
  for (const [thing, lane] of lanes) {
    const found = faultsOfLane(lane, ofThing.get(thing) ?? [], evidence.desired.get(thing));
    const tries = sum(lane.map(({ update }) => update.tries));
    const published = evidence.published.get(thing) ?? 0;
    if (published > tries) found.push(`${published} publishes, and only ${tries} tries are told`);
    faults.push(...found.map((fault) => `${thing}: ${fault}`));
  }
  const repeats = [...byToken.values()].flatMap((entries) =>
    entries.slice(1).map((entry, at) => ({ entry, before: entries[at] })),
  );
  return {
    states,
    failures,
    applied: byToken.size,
    appliedAgain: repeats.length,
    appliedAgainElsewhere: repeats.filter(
      ({ entry, before }) => entry.sessionIdentifier !== before?.sessionIdentifier,
    ).length,
    published: sum([...evidence.published.values()]),
    triesBeyondFirst: sum(sent.map(({ update }) => Math.max(0, update.tries - 1))),
    unknownTries: sum(sent.map(({ unknownTries }) => unknownTries)),
    faults,
  };
}

function faultsOf({ update, unknownTries }: Sent, entries: readonly LedgerEntry[]): string[] {
  const { state } = update;
  const faults: string[] = [];
  if (!isFinal(state)) faults.push(`${state} is no end`);
  if (state === 'SUCCEEDED') {
    if (entries.length === 0) faults.push('SUCCEEDED, and was never applied');
    else if (!entries.some(({ version }) => version === update.version)) {
      faults.push(`says version ${update.version}, and was applied as another`);
    }
  } else if (entries.length > 0 && !update.maybeApplied) {
    faults.push(`${state} without maybeApplied, and was applied`);
  }
  // A repetition is explained by a try before it whose answer never came.
  if (entries.length - 1 > unknownTries) {
    faults.push(`applied ${entries.length} times after ${unknownTries} unanswered tries`);
  }
  return faults;
}

function faultsOfLane(
  lane: readonly Sent[],
  entries: readonly LedgerEntry[],
  desired: unknown,
): string[] {
  const faults: string[] = [];
  const steps = entries.map((entry) => stepOf(entry.desired));
  for (const [at, step] of steps.entries()) {
    const before = steps[at - 1] ?? -1;
    if (step < before) faults.push(`step ${step} was applied after step ${before}`);
  }
  const succeeded = lane.filter(({ update }) => update.state === 'SUCCEEDED');
  const last = Math.max(...succeeded.map(({ step }) => step));
  const end = stepOf(desired);
  if (end !== steps.at(-1)) faults.push(`ends with step ${end}, last applied was ${steps.at(-1)}`);
  if (end < last) faults.push(`ends with step ${end}, and step ${last} succeeded`);
  return faults;
}

function stepOf(desired: unknown): number {
  return (desired as { readonly step: number }).step;
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return groups;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
