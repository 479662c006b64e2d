import type { UpdateFilter } from '../../../src/shared/domain/updateFilter.ts';
import type { RedisClient } from '../../../src/shared/redis/client.ts';
import { SearchIndex } from '../../../src/shared/store/searchIndex.ts';
import type { Place } from '../../../src/shared/store/shardScan.ts';
import { requestsFor } from '../courierRound.ts';
import { BenchDeployment, SHARDS } from '../deployment.ts';
import type { Finding, Row } from '../row.ts';

const SIZES = {
  tiny: { identities: 2, few: 60, many: 120 },
  quick: { identities: 100, few: 2000, many: 50_000 },
  full: { identities: 100, few: 2000, many: 200_000 },
} as const;
const ROWS_A_CALL = 1000;
const PAGE = 50;
const PAGES = 40;

/** What is searched for: of one thing, and what every twentieth update has, deep in the list too. */
const SEARCHES: readonly { readonly what: string; readonly filter: UpdateFilter }[] = [
  { what: 'of a thing', filter: { thing: 'device_w_1_1' } },
  { what: 'of a label that 5 % have', filter: { labels: ['rare'] } },
  {
    what: 'of a caller, a label and a state',
    filter: { actor: 'bench', labels: ['rare'], states: ['SUCCEEDED'] },
  },
];

/** What a page of a search costs Redis, by its own command times, as the index grows. */
export const search: Row = {
  name: 'search',
  table: 'aims',
  async run(options) {
    const { identities, few, many } = SIZES[options.size];
    const bench = await BenchDeployment.start({ users: identities });
    const ids = await bench.register(0, identities);
    await settle(bench, ids, 0, few);
    const costOfFew = await costs(bench);
    options.tell(`${few} updates are indexed`);
    await settle(bench, ids, few, many);
    const costOfMany = await costs(bench);
    await bench.stop();
    return SEARCHES.map(({ what }, at): Finding => {
      const ours = costOfMany[at] ?? 0;
      const theirs = costOfFew[at] ?? 0;
      return {
        what: `Redis time of a page of ${PAGE} ${what}, out of ${many} updates`,
        against: `the same page out of ${few}`,
        ours: `${ours.toFixed(0)} µs`,
        theirs: `${theirs.toFixed(0)} µs`,
        figure: ours / theirs,
        aim: { most: 10 },
      };
    });
  },
};

/** Has the fleet deliver updates until so many have been settled in all; then no worker runs. */
async function settle(
  bench: BenchDeployment,
  ids: readonly string[],
  from: number,
  to: number,
): Promise<void> {
  const worker = await bench.startWorker(`worker-${to}`);
  const requests = requestsFor(ids, to - from, from).map((request) =>
    request.desired.n % 20 === 0 ? { ...request, labels: ['rare'] } : request,
  );
  for (let at = 0; at < requests.length; at += ROWS_A_CALL) {
    await bench.intake.accept(requests.slice(at, at + ROWS_A_CALL), { actor: 'bench' });
  }
  await bench.untilSettled(to);
  await worker.stop();
}

/** Microseconds of Redis a page of each search, over its first pages. */
async function costs(bench: BenchDeployment): Promise<readonly number[]> {
  const { client, keys } = bench;
  const index = new SearchIndex(client, keys, SHARDS);
  const server = bench.redis.connect();
  const found: number[] = [];
  for (const { filter } of SEARCHES) {
    await server.config('RESETSTAT');
    let after: Place | undefined;
    for (let page = 0; page < PAGES; page += 1) {
      // From the beginning again where the list is short.
      after = (await index.page({ filter, first: PAGE, after, order: 'newest' })).next;
    }
    found.push((await scriptTime(server)) / PAGES);
  }
  server.disconnect();
  return found;
}

/** Microseconds that scripts took since the counters were reset, what they call included. */
async function scriptTime(server: RedisClient): Promise<number> {
  const stats = await server.info('commandstats');
  return [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=\d+,usec=(\d+)/gm)].reduce(
    (sum, [, usec]) => sum + Number(usec),
    0,
  );
}
