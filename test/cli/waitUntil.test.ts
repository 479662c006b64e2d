import { expect, test } from 'vitest';
import { expectThat, waitUntil } from '../../src/cli/demo/expectation.ts';
import { describeFailure } from '../../src/cli/failure.ts';

const never = new AbortController().signal;

test('what did not turn out says what was expected and what was seen, and exits with 1', () => {
  const attempt = () => expectThat(false, 'version 1', { version: 2 });
  expect(attempt).toThrow('The demo did not turn out as expected.');
  try {
    attempt();
  } catch (error) {
    const { text, exitCode } = describeFailure(error, {});
    expect(exitCode).toBe(1);
    expect(text).toContain('expected  version 1');
    expect(text).toContain('"version": 2');
    expect(text).not.toContain('    at ');
  }
});

test('waiting ends with the last thing seen at the deadline', async () => {
  let looks = 0;
  const wait = waitUntil({
    expected: 'three looks',
    look: () => Promise.resolve(++looks),
    until: (seen) => seen === 3,
    deadlineMs: 5000,
    everyMs: 1,
    signal: never,
  });
  expect(await wait).toBe(3);
  const endless = waitUntil({
    expected: 'the impossible',
    look: () => Promise.resolve('still HELD'),
    until: () => false,
    deadlineMs: 10,
    everyMs: 1,
    signal: never,
  });
  await expect(endless).rejects.toMatchObject({
    detail: expect.stringMatching(/the impossible, within 0.01 s[^]*still HELD/),
  });
});

test('an abort ends the wait', async () => {
  const stop = new AbortController();
  const wait = waitUntil({
    expected: 'nothing',
    look: () => Promise.resolve(0),
    until: () => false,
    deadlineMs: 60_000,
    signal: stop.signal,
  });
  stop.abort();
  await expect(wait).rejects.toThrow(/abort/i);
});

test('what nobody foresaw is a sentence too, with a stack trace on demand', () => {
  const error = new TypeError('x is not a function');
  expect(describeFailure(error, {}).text).toMatch(/^x is not a function\n.*COURIER_STACK=1/);
  expect(describeFailure(error, {}).exitCode).toBe(70);
  expect(describeFailure(error, { COURIER_STACK: '1' }).text).toContain('    at ');
});
