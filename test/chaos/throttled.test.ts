import { test } from 'vitest';
import { survives } from './support/survives.ts';

const THROTTLED = ['InitiateAuth', 'GetId', 'GetCredentialsForIdentity', 'AttachPolicy'];

test('throttled on every side, with budgets far beyond the quotas, all is delivered in the end', async () => {
  await survives('throttling everywhere', {
    emulator: [
      '--quotas',
      'small',
      ...THROTTLED.flatMap((on) => ['--fault', `on=${on},effect=throttle,share=0.1`]),
    ],
    worker: {
      // The product's own pacers would keep it from ever meeting a quota.
      CONNECTION_MESSAGES_PER_SECOND: '100000',
      THING_REQUESTS_PER_SECOND: '10000',
      BUDGET_CONNECT: '10000',
      BUDGET_SUBSCRIBE: '10000',
      BUDGET_SHADOW: '100000',
      ANSWER_TIMEOUT_MS: '1000',
    },
    deviceFaults: {},
    disasters: [
      {
        at: 0.5,
        strike: async ({ aws }) => void (await aws.post('/actions/drop-connections', {})),
      },
    ],
  });
});
