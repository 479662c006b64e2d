import { GetIdCommand } from '@aws-sdk/client-cognito-identity';
import { AttachPolicyCommand } from '@aws-sdk/client-iot';
import { expect, it } from 'vitest';
import { createQuotas } from '../../../src/emulator/world/quotas.ts';
import { TestAccount } from './account.ts';

async function names(attempts: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(attempts);
  return settled.flatMap((result) =>
    result.status === 'rejected' && result.reason instanceof Error ? [result.reason.name] : [],
  );
}

it('aws-facts §6.1, §1.4: GetId beyond 25/s and AttachPolicy beyond 15/s are throttled', async () => {
  const account = await TestAccount.start({ quotas: 'default', users: 1 });
  try {
    const { IdToken } = await account.signIn();
    const { identityPoolId, iotPolicyName } = account.ready;
    const getId = new GetIdCommand({
      IdentityPoolId: identityPoolId,
      Logins: account.logins(IdToken),
    });
    const identities = await names(
      Array.from({ length: 200 }, () => account.identityPool.send(getId)),
    );
    expect(identities.length).toBeGreaterThan(0);
    expect(new Set(identities)).toEqual(new Set(['TooManyRequestsException']));
    const attach = new AttachPolicyCommand({
      policyName: iotPolicyName,
      target: 'us-east-1:00000000-0000-4000-8000-000000000000',
    });
    const attached = await names(Array.from({ length: 200 }, () => account.iot.send(attach)));
    expect(attached.length).toBeGreaterThan(0);
    expect(new Set(attached)).toEqual(new Set(['ThrottlingException']));
  } finally {
    await account.stop();
  }
});

it('aws-facts §6.1: a bucket holds one second of requests and refills steadily', () => {
  let nowMs = 1_000_000;
  const quotas = createQuotas({ profile: 'default', factor: 1, now: () => nowMs });
  const granted = (count: number) =>
    Array.from({ length: count }, () => quotas.tryTake('GetId')).filter(Boolean).length;
  expect(granted(40)).toBe(25);
  nowMs += 400;
  expect(granted(40)).toBe(10);
  nowMs += 60_000;
  expect(granted(40)).toBe(25);
});

it('the rates follow the time scale only when they are told to', () => {
  const quotas = createQuotas({ profile: 'small', factor: 4, now: () => 0 });
  const granted = Array.from({ length: 200 }, () => quotas.tryTake('GetId')).filter(Boolean);
  expect(granted).toHaveLength(100);
});
