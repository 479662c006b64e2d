import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Keys } from '../../src/shared/redis/keys.ts';
import { AuditBuffer } from '../../src/shared/store/auditBuffer.ts';
import { AuditLog } from '../../src/shared/store/auditLog.ts';
import { eventually } from '../support/eventually.ts';
import { uniquePrefix } from '../support/prefix.ts';
import { useRedis } from '../support/useRedis.ts';

const redis = useRedis();
const intent = {
  actor: 'a',
  role: 'operator',
  source: 'api-token',
  action: 'updateShadow',
  subjects: ['upd_1'],
};

function start() {
  const client = redis().connect();
  const keys = new Keys(uniquePrefix('buffer'));
  const auditLog = new AuditLog(client, keys, { retentionMs: 60_000, maxEntries: 100_000 });
  const buffer = new AuditBuffer(auditLog, pino({ level: 'silent' }));
  const count = (kind: 'updates' | 'refusals') => client.xlen(keys.audit(kind));
  const idsOf = async (kind: 'updates' | 'refusals') =>
    (await client.xrange(keys.audit(kind), '-', '+')).map(([id]) => id);
  return { buffer, count, idsOf };
}

test('entries are there a moment after, without anybody who waits for them', async () => {
  const { buffer, count } = start();
  expect(buffer.add(intent, { outcome: 'DONE' })).toBeUndefined();
  await buffer.add(intent, { outcome: 'REFUSED', code: 'THING_NAME_INVALID' });
  await eventually(async () => {
    expect([await count('updates'), await count('refusals')]).toEqual([1, 1]);
  });
});

test('a flush ends when all that came before it is written', async () => {
  const { buffer, count } = start();
  for (let at = 0; at < 300; at += 1) await buffer.add(intent, { outcome: 'DONE' });
  await buffer.flush();
  expect(await count('updates')).toBe(300);
  await buffer.add(intent, { outcome: 'DONE' });
  const first = buffer.flush();
  await Promise.all([first, buffer.flush()]);
  expect(await count('updates')).toBe(301);
});

test('what was refused keeps its place among what was done', async () => {
  const { buffer, idsOf } = start();
  await buffer.add(intent, { outcome: 'DONE' });
  await buffer.add(intent, { outcome: 'REFUSED', code: 'THING_NAME_INVALID' });
  await buffer.add(intent, { outcome: 'DONE' });
  await buffer.flush();
  const [first = '', third = ''] = await idsOf('updates');
  const [second = ''] = await idsOf('refusals');
  const numeric = new Intl.Collator('en', { numeric: true });
  expect([third, second, first].toSorted(numeric.compare)).toEqual([first, second, third]);
});

test('callers wait where too many entries do', async () => {
  const { buffer, count } = start();
  let waited: Promise<void> | undefined;
  for (let at = 0; at < 10_000; at += 1) waited = buffer.add(intent, { outcome: 'DONE' }) ?? waited;
  await waited;
  expect(await count('updates')).toBe(10_000);
});

test('callers wait as well where what was sent before is not written yet', async () => {
  const { buffer, count } = start();
  redis().pause();
  let first: Promise<void>;
  let last: Promise<void> | undefined;
  try {
    for (let at = 1; at < 10_000; at += 1) void buffer.add(intent, { outcome: 'DONE' });
    // As every 25 ms, also while nothing is written.
    first = buffer.flush();
    last = buffer.add(intent, { outcome: 'DONE' });
  } finally {
    redis().resume();
  }
  expect(last).toBeInstanceOf(Promise);
  await Promise.all([first, last]);
  expect(await count('updates')).toBe(10_000);
  expect(buffer.add(intent, { outcome: 'DONE' })).toBeUndefined();
  await buffer.flush();
});
