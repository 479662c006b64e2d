import type { Logger } from '../shared/observability/logger.ts';
import type { RequestOutcome, ServerContext } from './requestFacts.ts';

const TURNED_AWAY: ReadonlySet<RequestOutcome> = new Set([
  'unauthenticated',
  'forbidden',
  'rate_limited',
]);
/** For each outcome a line at most so often: a flood of requests is no flood of lines. */
const EVERY_MS = 5000;

/** Logs who was turned away and from where, which the counters do not tell. */
export function turnedAwayLog(log: Logger, now = () => performance.now()) {
  const said = new Map<RequestOutcome, { readonly at: number; unsaid: number }>();
  return (outcome: RequestOutcome, { origin, caller }: ServerContext): void => {
    if (!TURNED_AWAY.has(outcome)) return;
    const last = said.get(outcome);
    if (last !== undefined && now() - last.at < EVERY_MS) {
      last.unsaid += 1;
      return;
    }
    said.set(outcome, { at: now(), unsaid: 0 });
    const { address, userAgent, requestId } = origin ?? {};
    const unsaid = last?.unsaid ?? 0;
    log.warn(
      { outcome, actor: caller?.actor, address, userAgent, requestId, unsaid },
      'a caller was turned away',
    );
  };
}
