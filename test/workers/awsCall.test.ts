import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { awsCall } from '../../src/workers/credentials/awsCall.ts';

const never = () => new Promise<never>(() => undefined);

test('a call that never answers ends at its deadline, and is told so', async () => {
  const caller = new AbortController();
  let told: AbortSignal | undefined;
  const call = awsCall(
    caller.signal,
    (signal) => {
      told = signal;
      return never();
    },
    20,
  );
  await expect(call).rejects.toThrow('no answer within 20 ms');
  expect(told?.aborted).toBe(true);
});

test('a call ends with whoever waits for it, with the reason why', async () => {
  const caller = new AbortController();
  const call = awsCall(caller.signal, never);
  caller.abort(new Error('closing'));
  await expect(call).rejects.toThrow('closing');
  await expect(awsCall(caller.signal, never)).rejects.toThrow('closing');
});

test('calls leave no listener on the signal of a caller that lives on', async () => {
  const caller = new AbortController();
  await awsCall(caller.signal, () => Promise.resolve(1));
  await expect(awsCall(caller.signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(awsCall(caller.signal, never, 1)).rejects.toThrow('no answer');
  expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
});
