import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { IotLogEntry } from '../../../src/emulator/contract.ts';
import { courierRound, THINGS_EACH } from '../courierRound.ts';
import { BenchDeployment } from '../deployment.ts';
import { medianRate, perSecond, type Round } from '../rounds.ts';
import type { Row } from '../row.ts';

const SIZES = {
  tiny: { identities: 2, updates: 100, rounds: 1 },
  quick: { identities: 100, updates: 40_000, rounds: 2 },
  full: { identities: 100, updates: 100_000, rounds: 3 },
} as const;
/** Shadow requests of an account a second. */
const ACCOUNT_LIMIT = 4000;
/** Of 100 messages a second of a connection, an update confirmed by `accepted` takes two. */
const CONNECTION_LIMIT = 50;

/** A batch with AWS's default quotas in force: the pacer keeps below them, and loses little. */
export const quotas: Row = {
  name: 'quotas',
  table: 'quotas',
  async run(options) {
    const size = SIZES[options.size];
    const { identities = size.identities, updates = size.updates } = options;
    const directory = mkdtempSync(join(tmpdir(), 'courier-bench-'));
    const log = join(directory, 'iot.log');
    const bench = await BenchDeployment.start({
      users: identities,
      quotas: 'default',
      emulator: ['--log', log],
    });
    const worker = await bench.startWorker('bench');
    const ids = await bench.register(0, identities);
    await courierRound(bench, worker, ids, identities * THINGS_EACH);
    const rounds: Round[] = [];
    const wanted = options.rounds ?? size.rounds;
    for (let round = 1; round <= wanted; round += 1) {
      rounds.push(await courierRound(bench, worker, ids, updates));
      options.tell(`round ${round} of ${wanted}`);
    }
    const { publishesDiscarded = 0, callsThrottled = 0 } = await bench.stats();
    await bench.stop();
    const refused = await tooMany(log);
    rmSync(directory, { recursive: true });

    const limit = Math.min(ACCOUNT_LIMIT, identities * CONNECTION_LIMIT);
    const what = `batch of ${updates}, ${identities} identities`;
    const ofNone = (offence: string, count: number) => ({
      what,
      against: offence,
      ours: String(count),
      theirs: '',
      figure: count,
      aim: { most: 0 },
    });
    return [
      {
        what,
        against:
          'what the quotas allow: 4,000 shadow requests/s an account, 100 messages/s a connection',
        ours: perSecond(rounds),
        theirs: `${limit}/s`,
        figure: medianRate(rounds) / limit,
        aim: { least: 0.8 },
      },
      ofNone('messages that the broker discarded, of either direction', publishesDiscarded),
      ofNone('shadow requests answered 429', refused),
      ofNone('calls of Cognito and the control plane that were throttled', callsThrottled),
    ];
  },
};

/** Shadow requests that were answered 429, by the emulator's own log of the whole run. */
async function tooMany(log: string): Promise<number> {
  let count = 0;
  for await (const line of createInterface({ input: createReadStream(log) })) {
    if ((JSON.parse(line) as IotLogEntry).reason === '429') count += 1;
  }
  return count;
}
