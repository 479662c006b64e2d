import type { SeededNames } from '../world/seededNames.ts';
import type { FaultRule } from './rule.ts';

/** One event that a fault may strike. */
export interface FaultEvent {
  readonly operation: string;
  /** Path and body; asked for only where a rule looks into them. */
  readonly text: () => string;
}

/** A rule that is set, and what it has done so far. */
export interface ActiveFault {
  readonly id: string;
  readonly rule: FaultRule;
  /** Events that matched. */
  readonly seen: number;
  /** Of these, how many it struck. */
  readonly struck: number;
}

interface Entry {
  readonly id: string;
  readonly ordinal: number;
  readonly rule: FaultRule;
  seen: number;
  struck: number;
}

/**
 * The faults that are set. Whether one strikes is drawn from the seed, the rule's ordinal and the
 * ordinal of the event among those that match, so that a run can be repeated.
 */
export class FaultRegistry {
  #entries: Entry[] = [];
  #ordinal = 0;
  readonly #names: SeededNames;

  constructor(names: SeededNames) {
    this.#names = names;
  }

  /** False while none is set. */
  get armed(): boolean {
    return this.#entries.length > 0;
  }

  add(rule: FaultRule): ActiveFault {
    this.#ordinal += 1;
    const entry: Entry = {
      id: `fault-${this.#ordinal}`,
      ordinal: this.#ordinal,
      rule,
      seen: 0,
      struck: 0,
    };
    this.#entries.push(entry);
    return describe(entry);
  }

  /** Whether there was one of this id. */
  remove(id: string): boolean {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter((entry) => entry.id !== id);
    return this.#entries.length < before;
  }

  clear(): void {
    this.#entries = [];
  }

  list(): readonly ActiveFault[] {
    return this.#entries.map(describe);
  }

  /** The first rule that strikes this event; each that matches counts it. */
  strike(event: FaultEvent): FaultRule | undefined {
    let found: FaultRule | undefined;
    for (const entry of this.#entries) {
      if (!matches(entry.rule, event)) continue;
      entry.seen += 1;
      if (found === undefined && this.#strikes(entry)) {
        entry.struck += 1;
        found = entry.rule;
      }
    }
    return found;
  }

  #strikes({ rule, ordinal, seen, struck }: Entry): boolean {
    if (seen <= rule.skip) return false;
    if (rule.count !== undefined && struck >= rule.count) return false;
    return rule.share >= 1 || this.#names.fraction(`fault:${ordinal}:${seen}`) < rule.share;
  }
}

function matches(rule: FaultRule, event: FaultEvent): boolean {
  if (rule.on !== event.operation && rule.on !== '*') return false;
  return rule.containing === undefined || event.text().includes(rule.containing);
}

function describe({ id, rule, seen, struck }: Entry): ActiveFault {
  return { id, rule, seen, struck };
}
