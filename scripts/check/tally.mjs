/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Tally
 * @typedef {{ status: string }} TestCase
 * @typedef {{ status: string, assertionResults: readonly TestCase[] }} TestFile
 * @typedef {{ testResults: readonly TestFile[] }} TestReport Vitest's JSON report
 */

/**
 * Counts tests. A file that failed without a failed test (it does not load, a hook throws)
 * counts as one failure, and so does a run that failed although every test passed (an error
 * outside of any test, no report, no test found).
 * @param {TestReport | undefined} report
 * @param {number} exitCode of the run that wrote the report
 * @returns {Tally}
 */
export function tallyTests(report, exitCode) {
  const tally = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report?.testResults ?? []) {
    const failedBefore = tally.failed;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') {
        tally.passed += 1;
      } else if (test.status === 'failed') {
        tally.failed += 1;
      } else {
        tally.skipped += 1;
      }
    }
    if (file.status === 'failed' && tally.failed === failedBefore) {
      tally.failed += 1;
    }
  }
  const nothingRan = tally.passed + tally.failed === 0;
  if (tally.failed === 0 && (exitCode !== 0 || nothingRan)) {
    tally.failed = 1;
  }
  return tally;
}

/**
 * @param {readonly Tally[]} tallies
 * @returns {Tally}
 */
export function sum(tallies) {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failed: tallies.reduce((total, { failed }) => total + failed, 0),
    skipped: tallies.reduce((total, { skipped }) => total + skipped, 0),
  };
}

/**
 * @param {Tally} tally
 * @returns {string}
 */
export function tallyLine({ passed, failed, skipped }) {
  const line = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}
