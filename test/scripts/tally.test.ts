import { expect, test } from 'vitest';
import { sum, tallyLine, tallyTests } from '../../scripts/check/tally.mjs';

const passed = { status: 'passed' };
const failed = { status: 'failed' };
const pending = { status: 'pending' };

test('tests are counted as they ended', () => {
  const report = {
    testResults: [
      { status: 'passed', assertionResults: [passed, passed, pending] },
      { status: 'failed', assertionResults: [passed, failed] },
    ],
  };
  expect(tallyTests(report, 1)).toEqual({ passed: 3, failed: 1, skipped: 1 });
});

test('a file that does not load is one failure', () => {
  const report = {
    testResults: [
      { status: 'passed', assertionResults: [passed] },
      { status: 'failed', assertionResults: [] },
    ],
  };
  expect(tallyTests(report, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test('a hook that fails a file whose tests all passed is one failure', () => {
  const report = { testResults: [{ status: 'failed', assertionResults: [passed] }] };
  expect(tallyTests(report, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test('a run that failed although every test passed is one failure', () => {
  const report = { testResults: [{ status: 'passed', assertionResults: [passed] }] };
  expect(tallyTests(report, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test('a run without a report or without a test is a failure, whatever its exit code', () => {
  expect(tallyTests(undefined, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(tallyTests({ testResults: [] }, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test('the line names skipped ones only where there are some', () => {
  const tests = { passed: 3, failed: 1, skipped: 0 };
  expect(tallyLine(tests)).toBe('3 passed, 1 failed');
  expect(tallyLine(sum([tests, { passed: 1, failed: 0, skipped: 2 }]))).toBe(
    '4 passed, 1 failed, 2 skipped',
  );
});
