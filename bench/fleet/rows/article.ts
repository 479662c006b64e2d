import { signIn } from '../../emulator/account.ts';
import { courierRound, THINGS_EACH } from '../courierRound.ts';
import { BenchDeployment } from '../deployment.ts';
import { startPeer } from '../peer.ts';
import type { ArticleOrders } from '../peers/article.ts';
import { alternate, compareCpu, measured, medianRate, perSecond } from '../rounds.ts';
import type { Row } from '../row.ts';

const SIZES = {
  tiny: { identities: 2, updates: 60, theirUpdates: 4, rounds: 1 },
  quick: { identities: 100, updates: 10_000, theirUpdates: 200, rounds: 3 },
  full: { identities: 100, updates: 50_000, theirUpdates: 1000, rounds: 5 },
} as const;
/** More at once bring it nothing: its CPU is used up. */
const AT_ONCE = 8;

/** Batches against the article's way, which authenticates and connects for every update. */
export const article: Row = {
  name: 'article',
  table: 'aims',
  async run(options) {
    const size = SIZES[options.size];
    const { identities = size.identities, updates = size.updates } = options;
    const bench = await BenchDeployment.start({ users: identities + AT_ONCE });
    const worker = await bench.startWorker('bench');
    const ids = await bench.register(0, identities);
    // For its policies; the peer signs in anew each time.
    await signIn(bench.account.ready, identities + AT_ONCE);
    const peer = await startPeer(new URL('../peers/article.ts', import.meta.url), {
      ready: bench.account.ready,
      fromUser: identities,
      atOnce: AT_ONCE,
    } satisfies ArticleOrders);
    await courierRound(bench, worker, ids, identities * THINGS_EACH);

    const sides = {
      ours: () => courierRound(bench, worker, ids, updates),
      theirs: () =>
        measured({ loop: peer.pid, emulator: bench.account.pid }, () =>
          peer.ask({ updates: size.theirUpdates }),
        ),
    };
    const results = await alternate(options.rounds ?? size.rounds, sides, options.tell);
    await peer.stop();
    await bench.stop();
    return [
      {
        what: `updates/s, ${identities} identities`,
        against: `the article's way: authenticate, connect, publish for each, ${AT_ONCE} at once`,
        ours: perSecond(results.ours),
        theirs: perSecond(results.theirs),
        figure: medianRate(results.ours) / medianRate(results.theirs),
        aim: { least: 50 },
        cpu: compareCpu(results.ours, results.theirs),
      },
    ];
  },
};
