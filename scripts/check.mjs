// npm run check [-- --only format,lint | --except tests] [--report file.json]
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from './bootstrap/run.mjs';
import { parseCheckArguments } from './check/arguments.mjs';
import { sum, tallyLine, tallyTests } from './check/tally.mjs';

const ROOT = resolve(import.meta.dirname, '..');

/**
 * @param {import('./check/steps.mjs').Step} step
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} the first exit code that is not 0, every command run
 */
async function runStep(step, env) {
  let code = 0;
  for (const command of step.commands) {
    const result = await run(process.execPath, command, { cwd: ROOT, env });
    code ||= result;
  }
  return code;
}

/**
 * @param {readonly import('./check/steps.mjs').Step[]} steps
 * @param {string} testReport
 */
async function runAll(steps, testReport) {
  const env = { ...process.env, COURIER_TEST_REPORT: testReport };
  const results = [];
  for (const step of steps) {
    console.log(`\n── ${step.name}`);
    const startedAt = performance.now();
    const code = await runStep(step, env);
    results.push({ step, code, seconds: (performance.now() - startedAt) / 1000 });
    if (code > 128) {
      // Stopped by a signal: the user wants out, not the next step.
      break;
    }
  }
  return results;
}

/**
 * @param {Awaited<ReturnType<typeof runAll>>[number]} result
 * @param {string} testReport
 */
function tallyResult({ step, code }, testReport) {
  if (step.name !== 'tests') {
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  }
  const report = existsSync(testReport) ? JSON.parse(readFileSync(testReport, 'utf8')) : undefined;
  return tallyTests(report, code);
}

/**
 * @param {ReturnType<typeof parseCheckArguments>} options
 */
async function check({ steps, report }) {
  const directory = mkdtempSync(join(tmpdir(), 'courier-check-'));
  const testReport = join(directory, 'tests.json');
  const results = await runAll(steps, testReport);
  const tally = sum(results.map((result) => tallyResult(result, testReport)));
  rmSync(directory, { recursive: true });

  console.log('\n── summary');
  for (const { step, code, seconds } of results) {
    const verdict = code === 0 ? 'ok  ' : 'FAIL';
    const fix = code === 0 ? '' : `   ← ${step.fix}`;
    console.log(`${verdict} ${step.name.padEnd(7)} ${seconds.toFixed(1).padStart(6)} s${fix}`);
  }
  console.log(tallyLine(tally));
  if (report !== undefined) {
    writeFileSync(report, JSON.stringify(tally));
  }
  const stopped = results.find(({ code }) => code > 128);
  process.exitCode = stopped?.code ?? (tally.failed === 0 ? 0 : 1);
}

try {
  await check(parseCheckArguments(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof TypeError)) {
    throw error;
  }
  console.error(error.message);
  process.exitCode = 2;
}
