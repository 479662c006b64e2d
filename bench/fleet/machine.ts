import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

const PACKAGES = ['bullmq', 'ioredis', 'aws-iot-device-sdk-v2', 'mqtt'];

/** When, what and on what: a figure means nothing without. */
export function machineLine(): string {
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
  const versions = PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(', ');
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const [load = 0] = loadavg();
  return [
    `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, commit ${commit.trim()}.`,
    `${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}, ${gigabytes} GB, Linux ${release()};`,
    `Node ${process.versions.node}, Redis ${redisVersion()}, ${versions}.`,
    `Load before the start: ${load.toFixed(1)}.`,
  ].join(' ');
}

function redisVersion(): string {
  const command = process.env.REDIS_SERVER_BIN ?? 'redis-server';
  const said = execFileSync(command, ['--version'], { encoding: 'utf8' });
  return /v=(\S+)/.exec(said)?.[1] ?? said.trim();
}

function versionOf(name: string): string {
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return version;
}
