import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startEmulatorProcess } from './emulator.ts';

test('it serves where its ready line says, and stops in order', async () => {
  const emulator = await startEmulatorProcess(['--users', '1']);
  const answer = await fetch(emulator.ready.endpoints.cognitoIdp, { method: 'POST' });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(emulator.process.stdout.trim().split('\n')).toHaveLength(1);
  expect(await emulator.process.stop()).toEqual({ code: 0, signal: null });
  expect(existsSync(emulator.ready.caFile)).toBe(false);
});

test('two at once do not meet', async () => {
  const [one, other] = await Promise.all([
    startEmulatorProcess(['--users', '1']),
    startEmulatorProcess(['--users', '1']),
  ]);
  expect(one.ready.endpoints.iotData).not.toBe(other.ready.endpoints.iotData);
  await Promise.all([one.process.stop(), other.process.stop()]);
});

test('one that does not start says why', async () => {
  await expect(startEmulatorProcess(['--users', 'many'])).rejects.toThrow(/code 2[^]*users/);
});
