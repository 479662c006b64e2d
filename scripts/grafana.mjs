// Writes grafana/dashboards/*.json from the code, or with --check says whether they are what the
// code makes.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'grafana/dashboards');

/** @returns {ReadonlyMap<string, string> | undefined} file name to what belongs into it */
function made() {
  const printer = spawnSync(process.execPath, ['--import', 'tsx', 'grafana/src/main.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (printer.status !== 0) return undefined;
  const dashboards = Object.entries(JSON.parse(printer.stdout));
  return new Map(
    dashboards.map(([name, json]) => [`${name}.json`, `${JSON.stringify(json, undefined, 2)}\n`]),
  );
}

/** @param {ReadonlyMap<string, string>} files */
function write(files) {
  for (const name of readdirSync(FOLDER)) if (!files.has(name)) rmSync(join(FOLDER, name));
  for (const [name, text] of files) writeFileSync(join(FOLDER, name), text);
  console.error(`grafana/dashboards holds what the code makes: ${[...files.keys()].join(', ')}.`);
}

/** @param {ReadonlyMap<string, string>} files */
function check(files) {
  const there = readdirSync(FOLDER);
  const strangers = there.filter((name) => !files.has(name));
  const stale = [...files].filter(([name, text]) => {
    const file = join(FOLDER, name);
    return !existsSync(file) || readFileSync(file, 'utf8') !== text;
  });
  for (const [name, text] of stale) {
    spawnSync('git', ['--no-pager', 'diff', '--no-index', '--', join(FOLDER, name), '-'], {
      cwd: ROOT,
      input: text,
      stdio: ['pipe', 'inherit', 'inherit'],
    });
  }
  const wrong = [...strangers, ...stale.map(([name]) => name)];
  if (wrong.length === 0) return;
  console.error(`grafana/dashboards is not what the code makes: ${wrong.join(', ')}.`);
  process.exitCode = 1;
}

const files = made();
if (files === undefined) {
  console.error('grafana/src/main.ts did not print the dashboards.');
  process.exitCode = 1;
} else if (process.argv.includes('--check')) {
  check(files);
} else {
  write(files);
}
