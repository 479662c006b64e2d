// The last line of .ci/run: node scripts/check/ci.mjs <tests.json> <npm test's exit code> <check.json>
import { existsSync, readFileSync } from 'node:fs';
import { sum, tallyLine, tallyTests } from './tally.mjs';

/**
 * A report that was cut short counts as none.
 * @param {string} file
 */
function readReport(file) {
  try {
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  } catch {
    return undefined;
  }
}

const [testReport = '', testCode = '1', checkReport = ''] = process.argv.slice(2);
const tally = sum([
  tallyTests(readReport(testReport), Number(testCode)),
  readReport(checkReport) ?? { passed: 0, failed: 1, skipped: 0 },
]);
console.log(tallyLine(tally));
process.exitCode = tally.failed === 0 ? 0 : 1;
