import type { OPEN_STATES, WaitReason } from '../../shared/domain/sets.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import type { Keys } from '../../shared/redis/keys.ts';
import { runScript, type Script } from '../../shared/redis/script.ts';
import { inTime } from './inTime.ts';

export interface WaitingLanes {
  readonly lanes: number;
  /** Age of the oldest update at the head of such a lane. */
  readonly oldestSeconds: number;
}

/** What the shards of a worker hold, summed. Ages follow Redis's clock. */
export interface Stock {
  readonly open: Readonly<Record<(typeof OPEN_STATES)[number], number>>;
  readonly quarantined: number;
  /** Updates that must not begin yet; they are in no lane. */
  readonly scheduled: number;
  /** Age of the oldest update that is not settled; 0 without any. */
  readonly oldestSeconds: number;
  readonly waiting: ReadonlyMap<WaitReason, WaitingLanes>;
}

/** Counted where the lanes are: a shard may hold thousands, and the answer is a few numbers. */
const STOCK: Script = {
  name: 'stock',
  keys: 5,
  lua: /* lua */ `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
local function age(createdAt)
  return createdAt and math.max(0, now - tonumber(createdAt)) or 0
end
local count, eldest = {}, {}
local entries = redis.call('HGETALL', KEYS[3])
for at = 1, #entries, 2 do
  local reason = string.match(entries[at + 1], '^[^|]*')
  count[reason] = (count[reason] or 0) + 1
  eldest[reason] = math.max(eldest[reason] or 0, age(redis.call('ZSCORE', KEYS[2], entries[at])))
end
local open = redis.call('HMGET', KEYS[1], 'QUEUED', 'HELD', 'IN_FLIGHT')
local answer = {}
for at = 1, 3 do answer[at] = tonumber(open[at] or 0) end
answer[4] = redis.call('ZCARD', KEYS[4])
answer[5] = age(oldest)
answer[6] = redis.call('ZCARD', KEYS[5])
for reason, lanes in pairs(count) do
  table.insert(answer, reason)
  table.insert(answer, lanes)
  table.insert(answer, eldest[reason])
end
return answer
`,
};

/** Reads the stock once a scrape, however many gauges ask. */
export class StockReader {
  readonly #redis: RedisClient;
  readonly #keys: Keys;
  readonly #shards: () => readonly number[];
  #reading: Promise<Stock | undefined> | undefined;

  constructor(redis: RedisClient, keys: Keys, shards: () => readonly number[]) {
    this.#redis = redis;
    this.#keys = keys;
    this.#shards = shards;
  }

  /**
   * Undefined where Redis does not answer in time: a worker whose Redis is away must still be
   * scraped, for the rest of what it knows.
   */
  read(): Promise<Stock | undefined> {
    this.#reading ??= inTime(this.#readAll()).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readAll(): Promise<Stock> {
    const rows = await Promise.all(
      this.#shards().map((shard) => {
        const keys = this.#keys.shard(shard);
        return runScript(
          this.#redis,
          STOCK,
          [keys.counts, keys.lanes, keys.waiting, keys.quarantined, keys.scheduled],
          [],
        );
      }),
    );
    return sum(rows as (string | number)[][]);
  }
}

function sum(rows: readonly (readonly (string | number)[])[]): Stock {
  const total = (at: number) => rows.reduce((all, row) => all + Math.max(0, Number(row[at])), 0);
  const waiting = new Map<WaitReason, WaitingLanes>();
  for (const row of rows) {
    for (let at = 6; at + 2 < row.length; at += 3) {
      const reason = row[at] as WaitReason;
      const known = waiting.get(reason) ?? { lanes: 0, oldestSeconds: 0 };
      waiting.set(reason, {
        lanes: known.lanes + Number(row[at + 1]),
        oldestSeconds: Math.max(known.oldestSeconds, Number(row[at + 2]) / 1000),
      });
    }
  }
  return {
    open: { QUEUED: total(0), HELD: total(1), IN_FLIGHT: total(2) },
    quarantined: total(3),
    scheduled: total(5),
    oldestSeconds: Math.max(0, ...rows.map((row) => Number(row[4]) / 1000)),
    waiting,
  };
}
