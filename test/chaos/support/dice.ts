/** Numbers from 0 to 1 that are the same for a seed (mulberry32). */
export function diceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Drawn anew for each run unless `CHAOS_SEED` repeats an earlier one; the figures name it. */
export const SEED = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 1e6));
