import {
  AttachPolicyCommand,
  CreatePolicyCommand,
  TestAuthorizationCommand,
} from '@aws-sdk/client-iot';
import { PublishCommand } from '@aws-sdk/client-iot-data-plane';
import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../../src/emulator/config.ts';
import { TestAccount } from './account.ts';

async function withAccount(
  config: Parameters<typeof TestAccount.start>[0],
  run: (account: TestAccount) => Promise<void>,
): Promise<void> {
  const account = await TestAccount.start({ users: 1, ...config });
  try {
    await run(account);
  } finally {
    await account.stop();
  }
}

describe('settings for what AWS leaves open', () => {
  it.each([
    ['iot', 'ALLOWED'],
    ['both', 'IMPLICIT_DENY'],
  ] as const)(
    'aws-facts §5: TestAuthorization asks the IoT policies alone, or the role too where the setting says so (%s: %s)',
    (testAuthorization, decision) =>
      withAccount({ settings: { testAuthorization } }, async (account) => {
        const principal = await account.identityId(0);
        const everything = 'everything';
        await account.iot.send(
          new CreatePolicyCommand({
            policyName: everything,
            policyDocument: JSON.stringify({
              Version: '2012-10-17',
              Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
            }),
          }),
        );
        const answer = await account.iot.send(
          new TestAuthorizationCommand({
            principal,
            cognitoIdentityPoolId: account.ready.identityPoolId,
            policyNamesToAdd: [everything],
            authInfos: [
              {
                actionType: 'PUBLISH',
                resources: ['arn:aws:iot:us-east-1:123456789012:topic/$aws/things/thermostat_9/x'],
              },
            ],
          }),
        );
        expect(answer.authResults?.[0]?.authDecision).toBe(decision);
      }),
  );

  it.each([
    ['delayed', 'ForbiddenException'],
    ['immediate', 'ok'],
  ] as const)(
    'aws-facts §5: the first attach propagates like any other, or at once where the setting says so (%s: %s)',
    (firstAttach, outcome) =>
      withAccount(
        { settings: { firstAttach }, propagationMinMs: 60_000, propagationMaxMs: 60_000 },
        async (account) => {
          const { identityId, keys } = await account.credentials(0);
          const { iotPolicyName: policyName } = account.ready;
          await account.iot.send(new AttachPolicyCommand({ policyName, target: identityId }));
          const data = account.data(keys);
          const topic = '$aws/things/device_1/shadow/update';
          const published = await data
            .send(new PublishCommand({ topic, payload: Buffer.from('{}') }))
            .then(
              () => 'ok',
              (error: Error) => error.name,
            );
          data.destroy();
          expect(published).toBe(outcome);
        },
      ),
  );

  it('aws-facts §6.3: a wrong SECRET_HASH is told in the older sentence where the setting says so', () =>
    withAccount({ settings: { secretHashMessage: 'old' } }, async (account) => {
      const { username, password } = account.user(0);
      await expect(
        account.initiate('USER_PASSWORD_AUTH', {
          USERNAME: username,
          PASSWORD: password,
          SECRET_HASH: 'AAAA',
        }),
      ).rejects.toMatchObject({
        message: `Unable to verify secret hash for client ${account.ready.clientId}`,
      });
    }));
});

describe('the command line', () => {
  it('reads every kind of option', () => {
    const config = parseConfig([
      '--users=5',
      '--quotas=small',
      '--time-scale=60',
      '--propagation=360000-480000',
      '--setting=shadowDepth=8',
      '--setting=acceptSignedToken=true',
      '--setting=testAuthorization=both',
      '--fault=on=GetId,effect=throttle,share=0.5',
      '--device-faults={"swallowPuback":0.1}',
      '--device-mix=prompt=1',
      '--devices=3',
      '--clock-skew=-5000',
    ]);
    expect(config).toMatchObject({
      users: 5,
      quotas: 'small',
      timeScale: 60,
      propagationMinMs: 360_000,
      propagationMaxMs: 480_000,
      settings: { shadowDepth: 8, acceptSignedToken: true, testAuthorization: 'both' },
      faults: [{ on: 'GetId', effect: 'throttle', share: 0.5 }],
      deviceFaults: { swallowPuback: 0.1 },
      deviceMix: { prompt: 1, slow: 0, silent: 0, rejecting: 0 },
      devices: 3,
      clockSkewMs: -5000,
    });
  });

  it('tells every problem at once', () => {
    const flags = [
      '--users=many',
      '--region=moon',
      '--account-id=12',
      '--quotas=some',
      '--time-scale=0',
      '--propagation=soon',
      '--setting=shadowDepth=deep',
      '--setting=colour=blue',
      '--fault=nonsense',
      '--device-faults=[]',
      '--device-mix=eager=1',
      '--admin-access-key=AKID',
      '--http-port=99999',
      '--listen=everywhere',
      '--hostname=not a name',
    ];
    let problems: readonly string[] = [];
    try {
      parseConfig(flags);
    } catch (error) {
      if (error instanceof ConfigError) problems = error.problems;
    }
    expect(problems).toHaveLength(flags.length);
  });
});
