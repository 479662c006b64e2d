import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/freePort.ts';
import { type RunningProcess, startProcess } from '../../support/processes.ts';

export type Targets = Readonly<Record<string, readonly string[]>>;

const number = z.tuple([z.number(), z.string().transform(Number)]);
const sampleSeries = z.object({
  metric: z.record(z.string(), z.string()),
  value: number.optional(),
  values: z.array(number).optional(),
});
const answer = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(sampleSeries) }),
});
const alerts = z.object({
  data: z.object({
    alerts: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()),
        state: z.enum(['pending', 'firing']),
      }),
    ),
  }),
});
const targetList = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({ scrapePool: z.string(), health: z.string(), lastError: z.string() }),
    ),
  }),
});

/** One series of an answer, oldest value first. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

/** A Prometheus of this test alone, on a free port, with the project's own configuration. */
export class PrometheusServer {
  readonly url: string;
  readonly #process: RunningProcess;
  readonly #directory: string;

  private constructor(url: string, process: RunningProcess, directory: string) {
    this.url = url;
    this.#process = process;
    this.#directory = directory;
  }

  /**
   * Scrapes the targets, by job, every second. Durations of rules are divided by `hurry`, so that
   * a window of five minutes need not be waited for.
   */
  static async start(options: {
    readonly targets: Targets;
    readonly hurry: number;
    /** Holds data already, made with promtool. */
    readonly storage?: string;
  }): Promise<PrometheusServer> {
    const directory = mkdtempSync(join(tmpdir(), 'courier-prometheus-'));
    const config = join(directory, 'prometheus.yml');
    writeFileSync(config, configuration(options.targets));
    mkdirSync(join(directory, 'rules'));
    for (const name of readdirSync('prometheus/rules')) {
      const text = readFileSync(join('prometheus/rules', name), 'utf8');
      writeFileSync(join(directory, 'rules', name), hurried(text, options.hurry));
    }
    const port = await freePort();
    const child = await startProcess(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${options.storage ?? join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
        '--query.lookback-delta=5m',
      ],
      { cwd: directory },
    );
    const server = new PrometheusServer(`http://127.0.0.1:${port}`, child, directory);
    await server.#ready();
    return server;
  }

  /** @throws Error with what Prometheus says of a query that does not parse. */
  async query(expr: string): Promise<readonly Series[]> {
    const { data } = answer.parse(await this.#post('query', { query: expr }));
    return data.result.map(({ metric, value }) => ({
      labels: metric,
      values: value === undefined ? [] : [value[1]],
    }));
  }

  async range(
    expr: string,
    window: { readonly start: number; readonly end: number; readonly step: number },
  ): Promise<readonly Series[]> {
    const { start, end, step } = window;
    const parameters = { start: String(start), end: String(end), step: String(step) };
    const { data } = answer.parse(await this.#post('query_range', { query: expr, ...parameters }));
    return data.result.map(({ metric, values = [] }) => ({
      labels: metric,
      values: values.map(([, value]) => value),
    }));
  }

  async alerts() {
    return alerts.parse(await this.#get('alerts')).data.alerts;
  }

  async targets() {
    return targetList.parse(await this.#get('targets')).data.activeTargets;
  }

  async stop(): Promise<void> {
    await this.#process.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    await eventually(
      async () => {
        if (this.#process.hasExited) throw new Error(this.#process.stderr);
        const { ok } = await fetch(`${this.url}/-/ready`);
        if (!ok) throw new Error('it is starting');
      },
      { deadlineMs: 20_000 },
    );
  }

  async #post(path: string, parameters: Record<string, string>): Promise<unknown> {
    const body = new URLSearchParams(parameters);
    const response = await fetch(`${this.url}/api/v1/${path}`, { method: 'POST', body });
    const said = await response.text();
    if (!response.ok) throw new Error(`${parameters.query}: ${said}`);
    return JSON.parse(said);
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`${this.url}/api/v1/${path}`);
    return response.json();
  }
}

/** The project's prometheus.yml with fixed targets instead of the names of compose's services. */
function configuration(targets: Targets): string {
  const config = z
    .looseObject({
      global: z.looseObject({}),
      scrape_configs: z.array(z.looseObject({ job_name: z.string() })),
    })
    .parse(parse(readFileSync('prometheus/prometheus.yml', 'utf8')));
  return stringify({
    ...config,
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    scrape_configs: config.scrape_configs.flatMap((scrape) => {
      const own = targets[scrape.job_name];
      if (own === undefined) return [];
      const { dns_sd_configs: _, ...rest } = scrape;
      return [{ ...rest, static_configs: [{ targets: own }] }];
    }),
  });
}

const SECONDS = { s: 1, m: 60, h: 3600 } as const;

/** Every window and every `for` of the rules, divided; names of recorded series stay. */
export function hurried(rules: string, factor: number): string {
  const shorter = (amount: string, unit: string) =>
    `${Math.max(1, Math.round((Number(amount) * SECONDS[unit as keyof typeof SECONDS]) / factor))}s`;
  return rules
    .replaceAll(
      /\[(\d+)([smh])\]/g,
      (_, amount: string, unit: string) => `[${shorter(amount, unit)}]`,
    )
    .replaceAll(
      /\bfor: (\d+)([smh])/g,
      (_, amount: string, unit: string) => `for: ${shorter(amount, unit)}`,
    );
}
