import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;
/** A bench that waits for what will not come holds up whoever wants the machine next. */
const DEADLINE_MS = 300_000;

/** Looks again and again until it is so. @throws after five minutes, with what was waited for. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`still not so after 5 min: ${what}`);
    await sleep(POLL_MS);
  }
}
