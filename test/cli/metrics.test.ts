import { expect, test } from 'vitest';
import { parseMetrics, sumBy } from '../../src/cli/client/metrics.ts';

const TEXT = `# HELP courier_updates_total Updates that ended.
# TYPE courier_updates_total counter
courier_updates_total{outcome="SUCCEEDED",code="none"} 12
courier_updates_total{outcome="FAILED",code="NOT_AUTHORIZED"} 3
courier_quarantined 0
quoted{reason="a \\"b\\", c\\\\d\\ne"} 1.5e3
`;

test('reads names, labels and values, escapes included, and skips comments', () => {
  expect(parseMetrics(TEXT)).toEqual([
    {
      name: 'courier_updates_total',
      labels: { outcome: 'SUCCEEDED', code: 'none' },
      value: 12,
    },
    {
      name: 'courier_updates_total',
      labels: { outcome: 'FAILED', code: 'NOT_AUTHORIZED' },
      value: 3,
    },
    { name: 'courier_quarantined', labels: {}, value: 0 },
    { name: 'quoted', labels: { reason: 'a "b", c\\d\ne' }, value: 1500 },
  ]);
});

test('sums over processes by the labels asked for and leaves zeros out', () => {
  const samples = [...parseMetrics(TEXT), ...parseMetrics(TEXT)];
  expect(sumBy(samples, 'courier_updates_total', ['outcome'])).toEqual(
    new Map([
      ['SUCCEEDED', 24],
      ['FAILED', 6],
    ]),
  );
  expect(sumBy(samples, 'courier_quarantined', [])).toEqual(new Map());
});
