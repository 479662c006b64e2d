import { readFileSync } from 'node:fs';

export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly labels: readonly string[];
  readonly of: string;
  readonly means: string;
}

/** The table of docs/metrics.md. */
export function documentedMetrics(): readonly MetricRow[] {
  const [, section = ''] = readFileSync('docs/metrics.md', 'utf8').split('\n## Every metric\n');
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const cells = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      const [name = '', type = '', unit = '', labels = '', of = '', means = ''] = cells;
      return {
        name: name.replaceAll('`', ''),
        type,
        unit,
        labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
        of,
        means,
      };
    });
}

export interface ServedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Of all samples; `le` of buckets and the default `program` left out. */
  readonly labels: ReadonlySet<string>;
  readonly values: ReadonlySet<string>;
  readonly buckets: ReadonlySet<number>;
}

/** What a /metrics answer holds, by metric. */
export function servedMetrics(text: string): readonly ServedMetric[] {
  const metrics: ServedMetric[] = [];
  const types = new Map(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, n = '', t = '']) => [n, t]),
  );
  for (const [, name = '', help = ''] of text.matchAll(/^# HELP (\w+) (.*)$/gm)) {
    const labels = new Set<string>();
    const values = new Set<string>();
    const buckets = new Set<number>();
    const samples = text.matchAll(
      new RegExp(`^${name}(?:_bucket|_sum|_count)?(?:\\{(.*)\\})? `, 'gm'),
    );
    for (const [, pairs = ''] of samples) {
      for (const [, label = '', value = ''] of pairs.matchAll(/(\w+)="([^"]*)"/g)) {
        if (label === 'le') {
          if (value !== '+Inf') buckets.add(Number(value));
        } else if (label !== 'program') {
          labels.add(label);
          values.add(value);
        }
      }
    }
    metrics.push({ name, type: types.get(name) ?? '', help, labels, values, buckets });
  }
  return metrics;
}
