import { expect, test } from 'vitest';
import { runScript } from '../../src/shared/redis/script.ts';
import { HEARTBEAT, TAKE_BUDGET } from '../../src/shared/store/lua/fleetScripts.ts';
import { eventually } from '../support/eventually.ts';
import { useRedis } from '../support/useRedis.ts';
import { DESCRIPTION } from '../support/workerDescription.ts';
import { type Json, startApi, type TestApi } from './support/testApi.ts';

const redis = useRedis();

const BUDGET_FIELDS = 'name perSecond configuredPerSecond overridePerSecond usedPerSecond waiting';

const set = async (api: TestApi, mutation: 'setBudget' | 'setJobConcurrency', input: object) => {
  const name = mutation === 'setBudget' ? 'SetBudget' : 'SetJobConcurrency';
  const { result } = await api.run(
    `mutation ($input: ${name}Input!) { result: ${mutation}(input: $input) {
      __typename
      ... on Error { code message remedy }
      ... on ${name}Success { fleet { jobConcurrency budgets { ${BUDGET_FIELDS} } } }
    } }`,
    { input: { reason: 'AWS raised the quota', ...input } },
  );
  return result;
};

const budget = async (api: TestApi, name: string): Promise<Json> => {
  const { fleet } = await api.run(`{ fleet { budgets { ${BUDGET_FIELDS} } } }`);
  return fleet.budgets.find((one: Json) => one.name === name);
};

test('budgets show what the workers keep to, what an operator set, and who waits', async () => {
  const api = await startApi(redis().url);
  expect(await budget(api, 'CONNECT')).toEqual({
    name: 'CONNECT',
    perSecond: null,
    configuredPerSecond: null,
    overridePerSecond: null,
    usedPerSecond: 0,
    waiting: 0,
  });
  for (const [worker, waiting] of [
    ['one', 2],
    ['two', 3],
  ] as const) {
    const budgets = {
      ...DESCRIPTION.budgets,
      connect: { configured: 500, perSecond: 500, waiting },
    };
    const told = JSON.stringify({ ...DESCRIPTION, budgets });
    await runScript(
      api.redis,
      HEARTBEAT,
      [api.keys.members, api.keys.memberInfo],
      [worker, told, 60_000],
    );
  }
  expect(await budget(api, 'CONNECT')).toMatchObject({ perSecond: 500, waiting: 5 });
  const { fleet } = await set(api, 'setBudget', { budget: 'CONNECT', perSecond: 300 });
  expect(fleet.budgets).toContainEqual(
    expect.objectContaining({ name: 'CONNECT', perSecond: 300, configuredPerSecond: 500 }),
  );
  await set(api, 'setBudget', { budget: 'CONNECT' });
  expect(await budget(api, 'CONNECT')).toMatchObject({ perSecond: 500, overridePerSecond: null });
});

test('the use of a budget is what was granted in the last full second', async () => {
  const api = await startApi(redis().url);
  const secondOf = async () => Number((await api.redis.time())[0]);
  // What is shown is looked at within one second, right behind the one in which it was granted.
  await eventually(async () => {
    const before = await secondOf();
    for (let at = 0; at < 3; at += 1) {
      await runScript(api.redis, TAKE_BUDGET, [api.keys.budget('getId')], [1000, 100, 4]);
    }
    const took = await secondOf();
    if (took !== before) throw new Error('granted in two seconds');
    await eventually(async () => expect(await secondOf()).toBeGreaterThan(took));
    const used = (await budget(api, 'GET_ID')).usedPerSecond;
    if ((await secondOf()) !== took + 1) throw new Error('looked at too late');
    expect(used % 12).toBe(0);
    expect(used).toBeGreaterThan(0);
  });
  await eventually(async () => expect((await budget(api, 'GET_ID')).usedPerSecond).toBe(0));
});

test('a rate or a concurrency out of its range is refused and changes nothing', async () => {
  const api = await startApi(redis().url);
  for (const perSecond of [0, -1, 100_001]) {
    const refused = await set(api, 'setBudget', { budget: 'SHADOW', perSecond });
    expect(refused).toMatchObject({
      code: 'TUNING_INVALID',
      message: 'perSecond is a whole number from 1 to 100000.',
    });
  }
  const refused = await set(api, 'setJobConcurrency', { jobConcurrency: 1001 });
  expect(refused.code).toBe('TUNING_INVALID');
  const reasonless = await set(api, 'setJobConcurrency', { jobConcurrency: 5, reason: ' ' });
  expect(reasonless.code).toBe('REASON_INVALID');
  expect(await api.redis.exists(api.keys.tuning)).toBe(0);
  const taken = await set(api, 'setJobConcurrency', { jobConcurrency: 5 });
  expect(taken.fleet.jobConcurrency).toBe(5);
});
