const BASE_MS = 500;
const MAX_MS = 60_000;

/** Doubles with every failure in a row, with jitter so that a fleet does not come back at once. */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(MAX_MS, BASE_MS * 2 ** Math.min(failures - 1, 10));
  return ceiling / 2 + random() * (ceiling / 2);
}
