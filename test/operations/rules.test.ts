import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dashboards, rules } from './support/queries.ts';
import { PROMETHEUS, whyNot } from './support/tools.ts';

const reason = whyNot(PROMETHEUS);
const given = test.skipIf(reason !== undefined);
const suffix = reason === undefined ? '' : `: ${reason}`;
const TESTS = readdirSync('prometheus')
  .filter((name) => name.endsWith('.test.yml'))
  .map((name) => `prometheus/${name}`);
const promtool = (...args: string[]) =>
  execFileSync('promtool', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

given(`the configuration and its rules are sound${suffix}`, () => {
  const files = readdirSync('prometheus/rules').map((name) => `prometheus/rules/${name}`);
  expect(promtool('check', 'config', 'prometheus/prometheus.yml')).toContain('SUCCESS');
  expect(promtool('check', 'rules', '--lint-fatal', ...files)).toContain('SUCCESS');
});

given(`every alert fires when it should, and not otherwise${suffix}`, () => {
  for (const file of TESTS) expect(promtool('test', 'rules', file)).toContain('SUCCESS');
});

const alerts = rules().filter(({ alert }) => alert !== undefined);

test('every alert has a test that sees it fire', () => {
  const tested = TESTS.map((file) => readFileSync(file, 'utf8')).join('\n');
  for (const { alert } of alerts) {
    expect(tested).toMatch(new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n`));
  }
});

test('every alert has a severity and leads to a section of docs/operations.md', () => {
  const headings = readFileSync('docs/operations.md', 'utf8').matchAll(/^#+ (.*)$/gm);
  const anchors = [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const { alert, labels, annotations } of alerts) {
    expect(labels?.severity, alert).toBeDefined();
    const [page, anchor] = annotations?.runbook.split('#') ?? [];
    expect(page, alert).toBe('docs/operations.md');
    expect(anchors, alert).toContain(anchor);
  }
});

const panels = dashboards().flatMap(({ uid, panels: all }) =>
  all.filter(({ type }) => type !== 'row').map((panel) => ({ uid, panel })),
);

test('every panel of a dashboard has an id and a place of its own', () => {
  for (const { uid, panels: all } of dashboards()) {
    expect(new Set(all.map(({ id }) => id)).size, uid).toBe(all.length);
    const places = all.map(({ gridPos }) => JSON.stringify(gridPos));
    expect(new Set(places).size, uid).toBe(all.length);
  }
});

test('every panel says what it shows, in which unit, with thresholds and queries', () => {
  for (const { uid, panel } of panels) {
    const name = `${uid} / ${panel.title}`;
    expect(panel.description ?? '', name).toMatch(/\w.{20,}\.$/s);
    expect(panel.fieldConfig?.defaults, name).toMatchObject({
      unit: expect.stringMatching(/./),
      thresholds: { mode: 'absolute' },
    });
    expect(panel.targets.length, name).toBeGreaterThan(0);
  }
});

test('no panel sums what is the same at every worker, or rates what is no counter', () => {
  for (const { uid, panel } of panels) {
    for (const { expr } of panel.targets) {
      const name = `${uid} / ${panel.title}: ${expr}`;
      expect(expr, name).not.toMatch(/sum[^(]*\(courier_(shards|workers_seen)/);
      for (const [, metric] of expr.matchAll(/(?:rate|increase)\((\w+)/g)) {
        expect(metric, name).toMatch(/_(total|bucket|sum|count)$/);
      }
    }
  }
});

test('panels of the worker dashboard look at the chosen workers only', () => {
  const worker = dashboards().find(({ uid }) => uid === 'courier-worker');
  expect(worker?.templating.list.map(({ name }) => name)).toEqual(['datasource', 'worker']);
  for (const { title, targets } of worker?.panels ?? []) {
    for (const { expr } of targets) {
      const metrics = expr.match(/(?:courier|process|nodejs)_\w+/g) ?? [];
      expect(expr.match(/instance=~"\$worker"/g) ?? [], title).toHaveLength(metrics.length);
    }
  }
});
