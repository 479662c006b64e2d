import { MAX_ROWS, type NewUpdate, type UpdateView } from '../client/courier.ts';
import type { Cast, DemoContext } from './context.ts';
import { expectThat, unexpected, waitUntil } from './expectation.ts';

const THINGS_EACH = 10;
/** Each thing gets so many patches, which must arrive in order. */
const ROUNDS = 4;
const DEADLINE_MS = 90_000;
const READS_AT_ONCE = 10;

const ANSWER_TOPICS = 2;
/** AWS's default quota, General Reference "AWS IoT Core endpoints and quotas". */
const SUBSCRIPTIONS_PER_SECOND = 500;

const FINAL = new Set(['SUCCEEDED', 'FAILED', 'EXPIRED', 'CANCELED', 'SUPERSEDED']);

/** Things carry their owner's number, so that the quarantine can come back to one owner's. */
export function thingOf(owner: number, thing: number): string {
  return `device_${owner + 1}_${thing + 1}`;
}

export async function sendMany(context: DemoContext, cast: Cast): Promise<void> {
  const { courier, screen, signal } = context;
  const updates = plan(cast);
  const ids: string[] = [];
  for (let at = 0; at < updates.length; at += MAX_ROWS) {
    ids.push(...(await courier.sendAll(updates.slice(at, at + MAX_ROWS))));
  }
  const ended = new Map<string, UpdateView>();
  const progress = screen.progress('ended', ids.length);
  await waitUntil({
    expected: `all ${ids.length} updates ended`,
    look: async () => {
      const open = ids.filter((id) => !ended.has(id));
      for (const update of await courier.updates(open)) {
        if (FINAL.has(update.state)) ended.set(update.id, update);
      }
      return `${ended.size} ended`;
    },
    until: () => ended.size === ids.length,
    onLook: () => progress.update(ended.size),
    deadlineMs: DEADLINE_MS,
    everyMs: 500,
    signal,
  }).finally(() => progress.stop());
  report(context, [...ended.values()]);
  await readBack(context, cast);
}

/** Round by round over all things: what one thing gets keeps its order, the owners take turns. */
function plan(cast: Cast): readonly NewUpdate[] {
  return Array.from({ length: ROUNDS }, (_, round) =>
    Array.from({ length: THINGS_EACH }, (_, thing) =>
      cast.owners.map((owner, index) => ({
        identityId: owner.id,
        thing: thingOf(index, thing),
        desired: { power: round % 2 === 0 ? 'ON' : 'OFF', round: round + 1 },
      })),
    ).flat(),
  ).flat();
}

function report(context: DemoContext, updates: readonly UpdateView[]): void {
  const { screen } = context;
  const outcomes = new Map<string, number>();
  for (const { state } of updates) outcomes.set(state, (outcomes.get(state) ?? 0) + 1);
  const counts = [...outcomes].map(([state, count]) => `${count} ${state}`).join(', ');
  screen.fact('outcomes', counts);
  const failed = updates.find(({ state }) => state !== 'SUCCEEDED');
  if (failed !== undefined) throw unexpected('every update SUCCEEDED', failed);

  // From the records, in Redis's time: accepted by the API to accepted by the shadow service.
  const finishedAt = updates.map((update) => update.finishedAt ?? 0);
  const firstCreatedAt = Math.min(...updates.map(({ createdAt }) => createdAt));
  const elapsedMs = Math.max(...finishedAt) - firstCreatedAt;
  const latencies = updates
    .map((update) => (update.finishedAt ?? 0) - update.createdAt)
    .sort((a, b) => a - b);
  screen.fact('updates/s', String(Math.round((updates.length * 1000) / elapsedMs)));
  screen.fact('submit to accepted', `p50 ${at(latencies, 0.5)} ms, p99 ${at(latencies, 0.99)} ms`);
  // The first publish to a shadow needs its two answer topics, and an account gets 500/s of them.
  const filters = new Set(updates.map(({ thing }) => thing)).size * ANSWER_TOPICS;
  const seconds = (filters / SUBSCRIPTIONS_PER_SECOND).toFixed(1);
  screen.fact('', `about ${seconds} s of it for ${filters} subscriptions, at AWS's 500/s`);
  const tries = updates.reduce((sum, update) => sum + update.tries, 0);
  screen.fact('publishes', `${tries} for ${updates.length} updates`);
}

/** Nearest rank. */
function at(sorted: readonly number[], quantile: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * quantile) - 1)] ?? 0;
}

/** Every shadow must hold its last round and the version that counts all of them: no loss, no swap. */
async function readBack({ aws, screen }: DemoContext, cast: Cast): Promise<void> {
  const things = cast.owners.flatMap((_, owner) =>
    Array.from({ length: THINGS_EACH }, (_, thing) => thingOf(owner, thing)),
  );
  const wanted = JSON.stringify({ power: 'OFF', round: ROUNDS });
  let duplicates = 0;
  for (let from = 0; from < things.length; from += READS_AT_ONCE) {
    await Promise.all(
      things.slice(from, from + READS_AT_ONCE).map(async (thing) => {
        const { state, version } = await aws.shadow(thing);
        expectThat(
          JSON.stringify(state.desired) === wanted && version >= ROUNDS,
          `${thing} with ${wanted} at version ${ROUNDS}`,
          { state, version },
        );
        duplicates += version - ROUNDS;
      }),
    );
  }
  const applied = duplicates === 0 ? 'each exactly once' : `${duplicates} of them twice`;
  screen.fact(
    'read back',
    `${things.length} shadows, all with the last of ${ROUNDS} patches; ${applied}`,
  );
}
