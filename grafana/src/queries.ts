import type { Query } from './panels.ts';

/** Label matchers without braces, for example `instance=~"$worker"`; empty for the whole fleet. */
export type Selector = string;

/** A second over the interval that Grafana finds fit for the step and the scrape interval. */
export function rate(metric: string, selector: Selector, ...by: readonly string[]): string {
  return `sum${grouped(by)} (rate(${series(metric, selector)}[$__rate_interval]))`;
}

/** How often within such an interval: easier to read than a rate where events are rare. */
export function increase(metric: string, selector: Selector, ...by: readonly string[]): string {
  return `sum${grouped(by)} (increase(${series(metric, selector)}[$__rate_interval]))`;
}

/** The median, the slow twentieth and the slow hundredth of a histogram. */
export function quantiles(
  histogram: string,
  selector: Selector,
  ...by: readonly string[]
): readonly Query[] {
  const rates = `sum by (${['le', ...by].join(', ')}) (rate(${series(`${histogram}_bucket`, selector)}[$__rate_interval]))`;
  const suffix = by.map((label) => ` {{${label}}}`).join('');
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, ${rates})`,
    legend: `p${quantile * 100}${suffix}`,
  }));
}

export function sum(metric: string, selector: Selector, ...by: readonly string[]): string {
  return `sum${grouped(by)} (${series(metric, selector)})`;
}

export function max(metric: string, selector: Selector, ...by: readonly string[]): string {
  return `max${grouped(by)} (${series(metric, selector)})`;
}

export function series(metric: string, selector: Selector): string {
  return selector === '' ? metric : `${metric}{${selector}}`;
}

function grouped(by: readonly string[]): string {
  return by.length === 0 ? '' : ` by (${by.join(', ')})`;
}
