import { expect, test } from 'vitest';
import { Answers, type ShadowAnswer } from '../../src/workers/connection/answers.ts';

const ACCEPTED = '$aws/things/device_1/shadow/update/accepted';
const REJECTED = '$aws/things/device_1/shadow/update/rejected';

function payload(value: unknown): ArrayBuffer {
  const bytes = new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function waiting(token = 'mine') {
  const answers = new Answers();
  const got: ShadowAnswer[] = [];
  answers.expect(token, (answer) => got.push(answer));
  return { answers, got };
}

test('an accepted answer reaches the one who waits for its token, with the version', () => {
  const { answers, got } = waiting();
  answers.deliver(ACCEPTED, payload({ clientToken: 'mine', version: 12 }));
  expect(got).toEqual([{ kind: 'accepted', version: 12 }]);
});

test('a rejection brings its code and message', () => {
  const { answers, got } = waiting();
  answers.deliver(REJECTED, payload({ clientToken: 'mine', code: 409, message: 'conflict' }));
  expect(got).toEqual([{ kind: 'rejected', code: 409, message: 'conflict' }]);
});

test('the answers of others are passed over', () => {
  const { answers, got } = waiting();
  answers.deliver(ACCEPTED, payload({ clientToken: 'theirs', version: 1 }));
  answers.deliver(ACCEPTED, payload({ version: 1 }));
  expect(got).toEqual([]);
});

test('an answer counts once', () => {
  const { answers, got } = waiting();
  answers.deliver(ACCEPTED, payload({ clientToken: 'mine', version: 1 }));
  answers.deliver(ACCEPTED, payload({ clientToken: 'mine', version: 1 }));
  expect(got).toHaveLength(1);
});

test('after its deadline an answer finds nobody', () => {
  const { answers, got } = waiting();
  answers.forget('mine');
  answers.deliver(ACCEPTED, payload({ clientToken: 'mine', version: 1 }));
  expect(got).toEqual([]);
});

test.each([
  ['delta', '$aws/things/device_1/shadow/update/delta', { clientToken: 'mine', version: 1 }],
  ['a document that is not JSON', ACCEPTED, 'not json'],
  ['a number', ACCEPTED, 5],
  ['null', ACCEPTED, 'null'],
])('%s is no answer', (_name, topic, document) => {
  const { answers, got } = waiting();
  answers.deliver(topic, payload(document));
  expect(got).toEqual([]);
});
