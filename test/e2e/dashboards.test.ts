import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Identity, LocalDeployment } from '../operations/support/local.ts';
import { documentedMetrics, servedMetrics } from '../operations/support/metricsDoc.ts';
import { hurried, PrometheusServer, type Series } from '../operations/support/prometheusServer.ts';
import { comparedVectors, panelQueries, rules } from '../operations/support/queries.ts';
import { PROMETHEUS, whyNot } from '../operations/support/tools.ts';
import { eventually } from '../support/eventually.ts';
import { Receiver } from '../workers/webhooks/support/receiver.ts';

/*
 * `npm run dev` under load, scraped by a real Prometheus every second. Windows of rules are a
 * twentieth of what they are, so that five minutes pass in 15 s.
 */
const HURRY = 20;
const RATE_INTERVAL = '10s';
const OWNERS = 6;
const NOT_ATTACHED = { stage: 'CONNECT', gate: 'IOT_POLICY_NOT_ATTACHED' };

const reason = whyNot(PROMETHEUS);
const given = test.skipIf(reason !== undefined);
const suffix = reason === undefined ? '' : `: ${reason}`;

let deployment: LocalDeployment;
let prometheus: PrometheusServer;
let receiver: Receiver;
let identities: readonly Identity[] = [];
let loading: Promise<void> | undefined;
const stopLoad = new AbortController();
const startedAt = Date.now() / 1000;

beforeAll(async () => {
  if (reason !== undefined) return;
  deployment = await LocalDeployment.start(['--workers', '2', '--users', '10', '--keep-going'], {
    QUARANTINE_PROBE_MS: '3000',
    LEASE_MS: '3000',
    SHARD_COUNT: '16',
    // Observes presence; the denials of this test concern another one.
    PRESENCE_USERNAME: 'user-0006',
    WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
  });
  const { targets } = deployment;
  prometheus = await PrometheusServer.start({ targets, hurry: HURRY });
  // The counters' zeros must have been seen before anything counts.
  await eventually(async () => {
    expect((await prometheus.query('up == 1')).length).toBe(3);
    expect((await prometheus.query('courier_updates_settled_total')).length).toBeGreaterThan(0);
  });
  receiver = await Receiver.start();
  await deployment.createWebhook(receiver.url);
  identities = await deployment.register(OWNERS);
  loading = deployment.load(identities, stopLoad.signal);
});

afterAll(async () => {
  stopLoad.abort();
  await loading?.catch(() => undefined);
  await prometheus?.stop();
  await deployment?.kill();
  await receiver?.stop();
});

const finite = (series: readonly Series[]) =>
  series.flatMap(({ values }) => values.filter((value) => Number.isFinite(value)));

const sinceStart = () => ({ start: startedAt, end: Date.now() / 1000, step: 2 });

const panelShows = (panel: string) =>
  panelQueries({ rateInterval: RATE_INTERVAL, range: '1m' }).find((one) => one.panel === panel)
    ?.expr ?? `no panel ${panel}`;

const alertsNow = async (name: string) =>
  (await prometheus.alerts()).filter(({ labels }) => labels.alertname === name);

given(
  `a detached policy shows with its stage and gate, and goes quiet once it is back${suffix}`,
  async () => {
    const [victim] = identities;
    if (victim === undefined) throw new Error('nobody was registered');
    const cognitoId = await eventually(async () => {
      const { cognitoId: known, status } = await deployment.identity(victim.id);
      expect(status).toBe('ACTIVE');
      return known ?? '';
    });
    // Where one thing was accepted and then denied, that is the thing's matter; where two were, it
    // is the identity's.
    for (const thing of ['device_0_1', 'device_0_2']) {
      const id = await deployment.sendOne({ identityId: victim.id, thing, desired: { on: true } });
      await eventually(async () => {
        expect(await deployment.stateOf(id)).toBe('SUCCEEDED');
      });
    }
    const refusals = panelShows('Authorization failures, by stage and gate');
    expect(await prometheus.query(refusals)).toEqual([]);
    expect(await alertsNow('CourierAuthorizationFailures')).toEqual([]);

    await deployment.detachPolicy(cognitoId);
    await eventually(
      async () => {
        const seen = await prometheus.query(refusals);
        expect(seen.map(({ labels }) => labels)).toContainEqual(NOT_ATTACHED);
        const alerts = await alertsNow('CourierAuthorizationFailures');
        expect(alerts).toContainEqual(
          expect.objectContaining({
            state: 'firing',
            labels: expect.objectContaining({ ...NOT_ATTACHED, severity: 'warning' }),
            annotations: expect.objectContaining({
              summary: 'IOT_POLICY_NOT_ATTACHED refuses at CONNECT',
            }),
          }),
        );
        expect(finite(await prometheus.query('sum(courier_identities_quarantined)'))).toEqual([1]);
        const listed = await prometheus.query(panelShows('Alerts that fire'));
        expect(listed.map(({ labels }) => labels)).toContainEqual({
          concerns: expect.stringContaining('CONNECT IOT_POLICY_NOT_ATTACHED'),
          alertname: 'CourierAuthorizationFailures',
          severity: 'warning',
        });
        expect(receiver.received.length).toBeGreaterThan(0);
      },
      { deadlineMs: 60_000, intervalMs: 250 },
    );
    // Nobody is to mend what is refused to one identity as if it were refused to all.
    expect(await alertsNow('CourierMisconfigured')).toEqual([]);
    const waits = await prometheus.query(panelShows('Oldest waiting update, by reason'));
    expect(waits.map(({ labels }) => labels.reason)).toContain('IDENTITY_QUARANTINED');

    await deployment.attachPolicy(cognitoId);
    await eventually(
      async () => {
        expect((await deployment.identity(victim.id)).status).toBe('ACTIVE');
        expect(await prometheus.query(refusals)).toEqual([]);
        expect(await alertsNow('CourierAuthorizationFailures')).toEqual([]);
        expect(finite(await prometheus.query('sum(courier_identities_quarantined)'))).toEqual([0]);
      },
      { deadlineMs: 90_000, intervalMs: 250 },
    );
  },
);

given(`every query of every panel parses and has shown something${suffix}`, async () => {
  const [owner] = identities;
  await deployment.sendOne({
    identityId: owner?.id ?? '',
    thing: 'thermostat_9',
    desired: { on: true },
  });
  const queries = panelQueries({ rateInterval: RATE_INTERVAL, range: '3m' });
  expect(queries.length).toBeGreaterThan(60);
  const silent = new Map(queries.map(({ name, expr }) => [name, expr]));
  await eventually(
    async () => {
      for (const [name, expr] of silent) {
        if (finite(await prometheus.range(expr, sinceStart())).length > 0) silent.delete(name);
      }
      expect([...silent.keys()]).toEqual([]);
    },
    { deadlineMs: 60_000, intervalMs: 500 },
  );
});

given(`every query of one worker's panels shows that worker alone${suffix}`, async () => {
  const [worker = ''] = deployment.targets['courier-worker'];
  const queries = panelQueries({ rateInterval: RATE_INTERVAL, range: '3m', worker });
  const leases = queries.find(
    ({ name }) => name.startsWith('courier-worker') && name.includes('Leases, by worker'),
  );
  const series = await prometheus.query(leases?.expr ?? '');
  expect(series.map(({ labels }) => labels.instance)).toEqual([worker]);
});

given(`every rule parses, and what it watches is there while it is quiet${suffix}`, async () => {
  const all = rules((text) => hurried(text, HURRY));
  const silent: string[] = [];
  for (const { alert, record, expr } of all) {
    for (const vector of alert === undefined ? [expr] : comparedVectors(expr)) {
      const series = await prometheus.range(vector, sinceStart());
      if (finite(series).length === 0) silent.push(`${alert ?? record}: ${vector}`);
    }
  }
  expect(silent).toEqual([]);
});

given(
  `docs/metrics.md says of every metric what the processes serve, and of no other${suffix}`,
  async () => {
    const { targets } = deployment;
    const texts = new Map<string, string>();
    for (const [job, [target = '']] of Object.entries(targets)) {
      texts.set(job, await (await fetch(`http://${target}/metrics`)).text());
    }
    const api = servedMetrics(texts.get('courier-api') ?? '');
    const worker = servedMetrics(texts.get('courier-worker') ?? '');
    const documented = documentedMetrics();
    const names = (of: string) =>
      new Set(
        documented.filter((row) => row.of === of || row.of === 'both').map(({ name }) => name),
      );
    expect(new Set(api.map(({ name }) => name))).toEqual(names('api'));
    expect(new Set(worker.map(({ name }) => name))).toEqual(names('worker'));

    const rows = new Map(documented.map((row) => [row.name, row]));
    expect(rows.size).toBe(documented.length);
    for (const metric of [...api, ...worker]) {
      const row = rows.get(metric.name);
      expect(row?.type, metric.name).toBe(metric.type);
      // libuv has no request in flight now, hence no sample and no label.
      if (metric.name !== 'nodejs_active_requests') {
        expect(new Set(row?.labels), metric.name).toEqual(metric.labels);
      }
      expect(row?.means, metric.name).toMatch(/\w.{8,}\.$/);
      const unit = /_seconds(_total)?$/.test(metric.name) ? 's' : undefined;
      expect(row?.unit, metric.name).toBe(
        unit ?? (/_bytes(_total)?$/.test(metric.name) ? 'B' : '1'),
      );
    }
    const [, bucketTable = ''] = readFileSync('docs/metrics.md', 'utf8').split('## Buckets');
    for (const metric of [...api, ...worker].filter(({ name }) => name.startsWith('courier_'))) {
      if (metric.type !== 'histogram') continue;
      const line = bucketTable.split('\n').find((one) => one.includes(`\`${metric.name}\``));
      const buckets = line?.split('|')[2]?.trim().split(' ').map(Number);
      expect(new Set(buckets), metric.name).toEqual(metric.buckets);
    }
  },
);

given(`no label holds an id, a name or anything else that grows with use${suffix}`, async () => {
  const users = deployment.ready.emulator.users.map(({ username }) => username);
  const ids = identities.map(({ id }) => id);
  for (const url of deployment.ready.metrics) {
    const text = await (await fetch(url)).text();
    for (const { name, values } of servedMetrics(text)) {
      for (const value of values) {
        expect([...users, ...ids], name).not.toContain(value);
        expect(value, name).not.toMatch(/device_|thermostat|[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{8}-/);
      }
    }
  }
});

given(
  `a worker that dies in the middle of a scrape leaves the queries right${suffix}`,
  async () => {
    const ended = 'sum (rate(courier_updates_settled_total[10s]))';
    const pid = deployment.pidOf('worker-1');
    process.kill(pid, 'SIGSTOP');
    // Scraped while it stands still: the scrape hangs until it is given up.
    await eventually(async () => {
      expect(finite(await prometheus.query('sum(up{job="courier-worker"})'))).toEqual([1]);
    });
    process.kill(pid, 'SIGKILL');
    await eventually(
      async () => {
        const [free] = finite(await prometheus.query(panelShows('Shards without an owner')));
        expect(free).toBe(0);
        const [held] = finite(await prometheus.query('sum(courier_leases_held)'));
        expect(held).toBe(16);
        expect((await alertsNow('CourierWorkerDown')).map(({ state }) => state)).toEqual([
          'firing',
        ]);
        const [rate = 0] = finite(await prometheus.query(ended));
        expect(rate).toBeGreaterThan(0);
      },
      { deadlineMs: 45_000, intervalMs: 250 },
    );
    const negative: string[] = [];
    for (const { name, expr } of panelQueries({ rateInterval: RATE_INTERVAL, range: '3m' })) {
      const values = finite(await prometheus.range(expr, sinceStart()));
      if (values.some((value) => value < 0)) negative.push(name);
    }
    expect(negative).toEqual([]);
  },
);
