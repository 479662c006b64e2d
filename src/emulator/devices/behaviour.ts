import type { SeededNames } from '../world/seededNames.ts';

/**
 * How a simulated device takes a change of its desired state: reports it after a moment, after a
 * long while, never, or reports that it will not have it.
 */
export type Behaviour = 'prompt' | 'slow' | 'silent' | 'rejecting';

/** Parts of a fleet, by behaviour; only their ratio counts. */
export type DeviceMix = Readonly<Record<Behaviour, number>>;

export const DEFAULT_MIX: DeviceMix = { prompt: 90, slow: 5, silent: 3, rejecting: 2 };

/** Shortest and longest wait before a report, wall milliseconds. */
const REPORT_AFTER_MS: Readonly<Record<'prompt' | 'slow', readonly [number, number]>> = {
  prompt: [50, 500],
  slow: [5000, 20_000],
};

/** The same device always behaves the same under the same seed. */
export function behaviourOf(thing: string, mix: DeviceMix, names: SeededNames): Behaviour {
  const entries = Object.entries(mix) as [Behaviour, number][];
  const whole = entries.reduce((sum, [, part]) => sum + part, 0);
  let left = names.fraction(`device:${thing}`) * whole;
  for (const [behaviour, part] of entries) {
    left -= part;
    if (left < 0) return behaviour;
  }
  return 'prompt';
}

/** How long this device waits before its `turn`th report. */
export function reportDelayMs(
  thing: string,
  turn: number,
  pace: 'prompt' | 'slow',
  names: SeededNames,
): number {
  const [min, max] = REPORT_AFTER_MS[pace];
  return min + names.fraction(`device:${thing}:${turn}`) * (max - min);
}

/** Reads `prompt=90,slow=10`; behaviours that are not named get no part. Undefined: no mix. */
export function parseMix(text: string): DeviceMix | undefined {
  const mix = { prompt: 0, slow: 0, silent: 0, rejecting: 0 };
  for (const entry of text.split(',')) {
    const match = /^(prompt|slow|silent|rejecting)=(\d+(?:\.\d+)?)$/.exec(entry.trim());
    if (match === null) return undefined;
    mix[match[1] as Behaviour] = Number(match[2]);
  }
  return Object.values(mix).some((part) => part > 0) ? mix : undefined;
}
