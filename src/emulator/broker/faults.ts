/** Faults of the device side: dice with a seed, so that a run can be repeated. */
import type { DeviceFaults } from '../contract.ts';

/** Mulberry32: small, fast, and the same numbers on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Share = 'swallowPuback' | 'swallowAccepted' | 'duplicateDelivery';
type Span = 'latencyMs' | 'delayAcceptedMs';

function checkShare(name: string, share: number | undefined): void {
  if (share !== undefined && !(share >= 0 && share <= 1)) {
    throw new RangeError(`${name} must be a share from 0 to 1`);
  }
}

function checkSpan(name: string, span: DeviceFaults[Span]): void {
  if (span && !(span.min >= 0 && span.max >= span.min && span.max < 2 ** 31)) {
    throw new RangeError(`${name} must be milliseconds with 0 <= min <= max`);
  }
}

export class FaultRules {
  readonly #random: () => number;
  #faults: DeviceFaults = {};
  #clientIds: ReadonlySet<string> | undefined;
  /** Epoch milliseconds until which nothing is handled. */
  frozenUntilMs = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  current(): DeviceFaults {
    return this.#faults;
  }

  /** Throws a RangeError that names the value that is out of range. */
  set(faults: DeviceFaults): void {
    checkShare('swallowPuback', faults.swallowPuback);
    checkShare('swallowAccepted', faults.swallowAccepted);
    checkShare('duplicateDelivery', faults.duplicateDelivery);
    checkShare('refuseUpgrade.share', faults.refuseUpgrade?.share);
    checkSpan('latencyMs', faults.latencyMs);
    checkSpan('delayAcceptedMs', faults.delayAcceptedMs);
    const status = faults.refuseUpgrade?.status ?? 503;
    if (!(Number.isInteger(status) && status >= 400 && status <= 599)) {
      throw new RangeError('refuseUpgrade.status must be an HTTP status from 400 to 599');
    }
    this.#faults = faults;
    this.#clientIds = faults.clientIds && new Set(faults.clientIds);
  }

  /** One throw of the dice. */
  chance(share: number): boolean {
    return this.#random() < share;
  }

  /** Whether the fault strikes this client this time. */
  strikes(fault: Share, clientId: string): boolean {
    const share = this.#faults[fault];
    if (share === undefined) return false;
    return this.#concerns(clientId) && this.chance(share);
  }

  /** Milliseconds drawn for this client; 0 where the fault is off. */
  wait(fault: Span, clientId: string): number {
    const span = this.#faults[fault];
    if (!span || !this.#concerns(clientId)) return 0;
    return span.min + this.#random() * (span.max - span.min);
  }

  /** HTTP status to refuse an upgrade with; undefined lets it through. */
  upgradeRefusal(): number | undefined {
    const { refuseUpgrade } = this.#faults;
    if (!refuseUpgrade || this.#clientIds || !this.chance(refuseUpgrade.share)) return undefined;
    return refuseUpgrade.status ?? 503;
  }

  #concerns(clientId: string): boolean {
    return this.#clientIds === undefined || this.#clientIds.has(clientId);
  }
}
