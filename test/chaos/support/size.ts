/** `npm run chaos` sets `long`; `npm test` runs the same scenarios with less of everything. */
export const isLong = process.env['CHAOS_SIZE'] === 'long';

export const SIZE = isLong
  ? { identities: 200, thingsEach: 4, rounds: 25, kills: 20, shards: 16 }
  : { identities: 30, thingsEach: 2, rounds: 25, kills: 3, shards: 6 };

/** Identities that are used all the time, and ones that sign in for the first time, all at once. */
export const COLD_START = isLong ? { warm: 8, cold: 2000 } : { warm: 4, cold: 60 };

/** How long a run may take until every update is final. */
export const DEADLINE_MS = isLong ? 900_000 : 120_000;
