// Writes schema.graphql from the code, or with --check says whether it is what the code makes.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const FILE = resolve(ROOT, 'schema.graphql');

const printer = spawnSync(process.execPath, ['--import', 'tsx', 'src/api/printSchema.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
const printed = printer.stdout;

if (printer.status !== 0 || printed.trim() === '') {
  console.error('src/api/printSchema.ts did not print the schema.');
  process.exitCode = 1;
} else if (!process.argv.includes('--check')) {
  writeFileSync(FILE, printed);
  console.error('schema.graphql is what the code makes.');
} else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== printed) {
  // git shows the difference in the words that everybody reads; the exit code is ours.
  spawnSync('git', ['--no-pager', 'diff', '--no-index', '--', FILE, '-'], {
    cwd: ROOT,
    input: printed,
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  console.error('schema.graphql is not what the code makes.');
  process.exitCode = 1;
}
