import { pino } from 'pino';
import { expect, test } from 'vitest';
import { service } from '../../src/shared/lifecycle/service.ts';
import { createOpsServer } from '../../src/shared/observability/opsServer.ts';
import { createRegistry } from '../../src/shared/observability/registry.ts';
import { holdsToTheServiceContract } from './serviceContract.ts';

holdsToTheServiceContract('a service of two functions', () => {
  const calls: string[] = [];
  return service({
    name: 'two functions',
    start: () => {
      expect(calls).toEqual([]);
      calls.push('start');
    },
    stop: () => {
      expect(calls).toEqual(['start']);
      calls.push('stop');
    },
  });
});

holdsToTheServiceContract('a service without functions', () => service({ name: 'nothing' }));

holdsToTheServiceContract('the ops server', () =>
  createOpsServer({
    host: '127.0.0.1',
    port: 0,
    registry: createRegistry({ program: 'test' }),
    log: pino({ level: 'silent' }),
    live: () => undefined,
    ready: () => undefined,
  }),
);

const patiently = () => new AbortController().signal;

test('a start that failed fails for everyone who waits, and is cleared up after', async () => {
  let stopped = false;
  const broken = service({
    name: 'broken',
    start: () => {
      throw new Error('no port');
    },
    stop: () => {
      stopped = true;
    },
  });
  await expect(broken.start()).rejects.toThrow('no port');
  await expect(broken.start()).rejects.toThrow('no port');
  await broken.stop(patiently());
  expect(stopped).toBe(true);
});

test('a stop that fails is told', async () => {
  const stuck = service({
    name: 'stuck',
    stop: () => Promise.reject(new Error('it holds on')),
  });
  await stuck.start();
  await expect(stuck.stop(patiently())).rejects.toThrow('it holds on');
});
