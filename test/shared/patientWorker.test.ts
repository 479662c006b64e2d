import { expect, onTestFinished, test } from 'vitest';
import { PatientWorker } from '../../src/shared/queue/patientWorker.ts';
import { connectRedis } from '../../src/shared/redis/connect.ts';
import { said } from '../support/said.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();
/** Far more commands than a worker may send that Redis refuses to give a job. */
const COMMANDS = 500;

test('a worker that Redis refuses to give a job does not ask again and again', async () => {
  const connection = connectRedis(redis().url);
  const look = redis().connect();
  await look.config('SET', 'maxmemory', '1');
  const worker = new PatientWorker('deliver', () => Promise.resolve(), { connection });
  onTestFinished(async () => {
    await look.config('SET', 'maxmemory', '0');
    await worker.close();
    connection.disconnect();
  });
  let refused = 0;
  worker.on('error', ({ message }) => {
    if (message.startsWith('OOM')) refused += 1;
  });
  await said(worker, 'error');
  for (let at = 0; at < COMMANDS; at += 1) await look.ping();
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThan(COMMANDS / 10);
});
