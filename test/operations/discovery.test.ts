import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startProcess } from '../support/processes.ts';
import { PROMETHEUS, whyNot } from './support/tools.ts';

const NAMESPACES = ['--map-root-user', '--net', '--mount'];

/** Names are resolved through /etc/resolv.conf, which only a mount namespace can lend us. */
function whyNoNamespace(): string | undefined {
  const tried = spawnSync('unshare', [...NAMESPACES, 'sh', '-c', 'ip link set lo up'], {
    stdio: 'ignore',
  });
  if (tried.status === 0) return undefined;
  const sentence = 'skipped, since this machine allows no network namespace of our own';
  process.stderr.write(`${sentence}\n`);
  return sentence;
}

const reason = whyNot(PROMETHEUS) ?? whyNoNamespace();
const directory = mkdtempSync(join(tmpdir(), 'courier-discovery-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.skipIf(reason !== undefined)(
  `Prometheus finds all of fifty workers behind the name of their service${reason === undefined ? '' : `: ${reason}`}`,
  async () => {
    const config = join(directory, 'prometheus.yml');
    const written = readFileSync('prometheus/prometheus.yml', 'utf8');
    // As it is, but for its patience.
    writeFileSync(
      config,
      written
        .replace('scrape_interval: 10s', 'scrape_interval: 2s')
        .replace('scrape_timeout: 8s', 'scrape_timeout: 2s'),
    );
    const resolver = join(directory, 'resolv.conf');
    writeFileSync(resolver, 'nameserver 127.0.0.53\n');
    const inside = `ip link set lo up && mount --bind ${resolver} /etc/resolv.conf && exec "$@"`;
    const program = ['--import', 'tsx', 'test/operations/fixtures/manyAddresses.ts'];
    const command = [process.execPath, ...program, config, join(directory, 'data')];
    const finder = await startProcess('unshare', [
      ...NAMESPACES,
      'sh',
      '-c',
      inside,
      'sh',
      ...command,
    ]);
    const [line] = await finder.line(/^\{.*\}$/, { deadlineMs: 60_000 });
    expect(JSON.parse(line)).toMatchObject({
      up: { 'courier-worker': 50, 'courier-api': 1 },
      // Fifty addresses fit into no answer over UDP.
      overTcp: expect.toSatisfy((asked: number) => asked > 0),
    });
  },
  60_000,
);
