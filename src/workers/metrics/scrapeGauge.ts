import { Gauge, type Registry } from 'prom-client';

export interface ScrapeGauge<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly Label[];
  /** Called with an empty gauge: what is not set is absent from the scrape. */
  readonly collect: (gauge: Gauge<Label>) => void | Promise<void>;
}

/** A gauge that is computed when it is scraped. */
export function gaugeOnScrape<Label extends string>(
  registry: Registry,
  { name, help, labelNames = [], collect }: ScrapeGauge<Label>,
): void {
  const gauge: Gauge<Label> = new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    async collect() {
      this.reset();
      // Without labels a reset is a zero, which would be a statement.
      if (labelNames.length === 0) this.remove();
      await collect(this);
    },
  });
  if (labelNames.length === 0) gauge.remove();
}
