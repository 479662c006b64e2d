import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CODES_OF, GATES_OF } from '../../src/workers/metrics/closedSets.ts';
import { PrometheusServer, type Series } from './support/prometheusServer.ts';
import { panelQueries, rules } from './support/queries.ts';
import { PROMETHEUS, whyNot } from './support/tools.ts';

/*
 * Half an hour of fifty workers, written into Prometheus's storage: each settles ten updates a
 * second. For three minutes Prometheus itself was away. Every fifth restarts in the middle, its counters at zero again; five die there and never
 * come back; the others' leases grow by what they had.
 */
const WORKERS = 50;
const DEAD = 5;
const PER_SECOND = 10;
const SHARDS = 200;
const STEP_S = 15;
const LENGTH_S = 1800;

const reason = whyNot(PROMETHEUS);
const given = test.skipIf(reason !== undefined);
const suffix = reason === undefined ? '' : `: ${reason}`;
const directory = mkdtempSync(join(tmpdir(), 'courier-history-'));
// Whole hours ago, so that no block is still the head's.
const start = Math.floor(Date.now() / 1000 / 3600) * 3600 - 4 * 3600;
const middle = start + LENGTH_S / 2;
const end = start + LENGTH_S;
const away = { from: middle + 360, to: middle + 540 };
let prometheus: PrometheusServer;

const isDead = (worker: number) => worker < DEAD;
const restarts = (worker: number) => !isDead(worker) && worker % 5 === 0;

/** How long the process that answers at this time has been up. */
function upFor(worker: number, at: number): number {
  return restarts(worker) && at >= middle ? at - middle : at - start + 1000;
}

/** OpenMetrics wants all samples of a metric together. */
function history(): string {
  const lines: string[] = [];
  const write = (
    family: string,
    type: 'counter' | 'gauge',
    labels: string,
    value: (worker: number, at: number) => number | undefined,
    suffixed = '',
  ) => {
    if (!lines.includes(`# TYPE ${family} ${type}`)) lines.push(`# TYPE ${family} ${type}`);
    for (let worker = 0; worker < WORKERS; worker += 1) {
      const instance = `10.0.0.${worker}:9401`;
      const all = `program="worker",job="courier-worker",instance="${instance}"${labels}`;
      for (let at = start; at <= end; at += STEP_S) {
        if (at > away.from && at < away.to) continue;
        const sample = value(worker, at);
        if (sample !== undefined) lines.push(`${family}${suffixed}{${all}} ${sample} ${at}`);
      }
    }
  };
  const alive = (value: (worker: number, at: number) => number) => (worker: number, at: number) =>
    isDead(worker) && at >= middle ? undefined : value(worker, at);
  write('up', 'gauge', '', (worker, at) => (isDead(worker) && at >= middle ? 0 : 1));
  for (const [state, codes] of Object.entries(CODES_OF)) {
    for (const code of codes) {
      const rate = state === 'SUCCEEDED' ? PER_SECOND : 0;
      const value = alive((worker, at) => rate * upFor(worker, at));
      write(
        'courier_updates_settled',
        'counter',
        `,state="${state}",code="${code}"`,
        value,
        '_total',
      );
    }
  }
  for (const [le, share] of [
    ['0.1', 0.5],
    ['5', 0.9],
    ['+Inf', 1],
  ] as const) {
    const value = alive((worker, at) => PER_SECOND * share * upFor(worker, at));
    const labels = `,state="SUCCEEDED",le="${le}"`;
    write('courier_update_settled_seconds_bucket', 'gauge', labels, value);
  }
  for (const [stage, gates] of Object.entries(GATES_OF)) {
    for (const gate of gates) {
      const value = alive((worker, at) => (restarts(worker) && at >= middle ? 0 : 7));
      const labels = `,stage="${stage}",gate="${gate}"`;
      write('courier_authorization_failures', 'counter', labels, value, '_total');
    }
  }
  write(
    'courier_shards',
    'gauge',
    '',
    alive(() => SHARDS),
  );
  write(
    'courier_workers_seen',
    'gauge',
    '',
    alive((_, at) => (at < middle ? WORKERS : WORKERS - DEAD)),
  );
  const share = SHARDS / WORKERS;
  write(
    'courier_leases_held',
    'gauge',
    '',
    alive((worker, at) => {
      // The dead ones' leases go to the first of the living.
      const inherits = worker >= DEAD && worker < DEAD + DEAD && at >= middle;
      return inherits ? 2 * share : share;
    }),
  );
  lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

beforeAll(async () => {
  if (reason !== undefined) return;
  const file = join(directory, 'history.om');
  const storage = join(directory, 'data');
  writeFileSync(file, history());
  execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', file, storage], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  prometheus = await PrometheusServer.start({ targets: {}, hurry: 1, storage });
});

afterAll(async () => {
  await prometheus?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const window = { start: start + 300, end, step: 60 };
const queries = panelQueries({ rateInterval: '1m', range: '30m' });
const shown = async (panel: string, legend?: Readonly<Record<string, string>>) => {
  const query = queries.find((one) => one.panel === panel && one.name.startsWith('courier-fleet'));
  const series = await prometheus.range(query?.expr ?? `no panel ${panel}`, window);
  return series.filter(({ labels }) =>
    Object.entries(legend ?? {}).every(([name, value]) => labels[name] === value),
  );
};
const values = (series: readonly Series[]) => series.flatMap((one) => one.values);

given(`fifty workers add up, restarts and deaths make no dent but their own${suffix}`, async () => {
  const rates = values(await shown('Updates by outcome', { state: 'SUCCEEDED' }));
  expect(rates[0]).toBeCloseTo(WORKERS * PER_SECOND, 0);
  expect(rates.at(-1)).toBeCloseTo((WORKERS - DEAD) * PER_SECOND, 0);
  expect(Math.max(...rates)).toBeLessThan(WORKERS * PER_SECOND * 1.01);
  expect(Math.min(...rates)).toBeGreaterThan((WORKERS - DEAD) * PER_SECOND * 0.6);
  // Nine in ten within 5 s, however many workers count them.
  const share = values(await shown('Accepted within 5 s'));
  expect(share.at(-1)).toBeCloseTo(0.9, 2);
});

given(
  `while Prometheus is away nothing is shown, and after it nothing is made up${suffix}`,
  async () => {
    const settled = 'sum (rate(courier_updates_settled_total{state="SUCCEEDED"}[1m]))';
    const gap = { start: away.from + 75, end: away.to - 15, step: 15 };
    expect(values(await prometheus.range(settled, gap))).toEqual([]);
    const after = { start: away.to + 45, end: away.to + 120, step: 15 };
    for (const rate of values(await prometheus.range(settled, after))) {
      expect(rate).toBeCloseTo((WORKERS - DEAD) * PER_SECOND, 0);
    }
    // Whatever was counted meanwhile is there, since counters went on.
    const spanning = 'sum (increase(courier_updates_settled_total{state="SUCCEEDED"}[12m]))';
    const [all = 0] = values(await prometheus.range(spanning, { ...after, start: end, end }));
    expect(all / ((WORKERS - DEAD) * PER_SECOND * 720)).toBeCloseTo(1, 1);
  },
);

given(`what was refused before a restart is not refused again after it${suffix}`, async () => {
  expect(await shown('Authorization failures, by stage and gate')).toEqual([]);
  for (const { alert, expr } of rules()) {
    if (!alert?.startsWith('CourierAuthorization')) continue;
    expect(await prometheus.range(expr, window)).toEqual([]);
  }
});

given(`shards are counted once, and never below nothing without an owner${suffix}`, async () => {
  const free = values(await shown('Shards without an owner'));
  expect(free[0]).toBe(0);
  expect(free.at(-1)).toBe(0);
  expect(Math.min(...free)).toBe(0);
  const scraped = values(await shown('Workers'));
  expect([scraped[0], scraped.at(-1)]).toEqual([WORKERS, WORKERS - DEAD]);
});

given(`no query of any panel goes below zero${suffix}`, async () => {
  const negative: string[] = [];
  let shownAtAll = 0;
  for (const { name, expr } of queries) {
    const finite = values(await prometheus.range(expr, window)).filter(Number.isFinite);
    if (finite.length > 0) shownAtAll += 1;
    if (finite.some((value) => value < 0)) negative.push(name);
  }
  expect(negative).toEqual([]);
  expect(shownAtAll).toBeGreaterThan(10);
});
