const PARTS = /^(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;
const UNITS: readonly (readonly [suffix: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** Milliseconds of text such as 5s, 1h30m or 2d; undefined for any other text. */
export function parseDuration(text: string): number | undefined {
  const parts = text === '' ? null : PARTS.exec(text);
  if (parts === null) return undefined;
  return UNITS.reduce((sum, [, ms], at) => sum + Number(parts[at + 1] ?? 0) * ms, 0);
}

/** The shortest text that `parseDuration` reads as these milliseconds, a whole number from 0. */
export function durationText(ms: number): string {
  let left = ms;
  const parts = UNITS.map(([suffix, unit]) => {
    const count = Math.floor(left / unit);
    left -= count * unit;
    return count > 0 ? `${count}${suffix}` : '';
  });
  return parts.join('') || '0s';
}
