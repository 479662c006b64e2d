import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { provision } from '../../../src/emulator/provision/provision.ts';
import { SeededNames } from '../../../src/emulator/world/seededNames.ts';

const template = readFileSync(new URL('../../../infra/template.yaml', import.meta.url), 'utf8');
const account = { region: 'eu-west-1', accountId: '210987654321' };
const made = (text = template) => provision(text, account, SeededNames.fromSeed('a seed'));

describe('infra/template.yaml', () => {
  it('gives a client with a secret and both flows, and one-hour tokens', () => {
    const [client] = made().userPool.clients;
    expect(client?.clientSecret).toMatch(/^[a-z0-9]{52}$/);
    expect(client?.authFlows).toEqual(new Set(['USER_PASSWORD_AUTH', 'REFRESH_TOKEN_AUTH']));
    expect(client?.idTokenMs).toBe(3_600_000);
    expect(client?.refreshTokenMs).toBe(30 * 86_400_000);
  });

  it('keeps the IoT policy below 2,048 characters even with the longest names', () => {
    const [policy] = made(
      template.replace('Default: device_', `Default: ${'d'.repeat(64)}`),
    ).iotPolicies;
    const characters = policy?.document.replace(/\s/g, '').length ?? 0;
    // GovCloud has the longest partition and Region names.
    expect(characters + 8 * ('aws-us-gov'.length + 'ap-southeast-1'.length)).toBeLessThan(2048);
  });

  it('lets role and IoT policy say the same', () => {
    const { roles, iotPolicies } = made();
    const [role] = [...roles.values()];
    expect(JSON.parse(role?.policies[0] ?? '')).toEqual(JSON.parse(iotPolicies[0]?.document ?? ''));
  });

  it('keeps the variable of the identity for AWS to fill in', () => {
    expect(made().iotPolicies[0]?.document).toContain(
      'arn:aws:iot:eu-west-1:210987654321:client/${cognito-identity.amazonaws.com:sub}',
    );
  });

  it('has an output for each environment variable that CloudFormation can know', () => {
    const { outputs, userPool, identityPool, iotPolicies } = made();
    expect(outputs).toMatchObject({
      AwsRegion: 'eu-west-1',
      CognitoUserPoolId: userPool.userPoolId,
      CognitoClientId: userPool.clients[0]?.clientId,
      CognitoIdentityPoolId: identityPool.identityPoolId,
      IotPolicyName: iotPolicies[0]?.name,
    });
    for (const name of [
      'AWS_REGION',
      'COGNITO_USER_POOL_ID',
      'COGNITO_CLIENT_ID',
      'COGNITO_CLIENT_SECRET',
      'COGNITO_IDENTITY_POOL_ID',
      'IOT_POLICY_NAME',
      'IOT_ENDPOINT',
    ]) {
      expect(template).toMatch(new RegExp(`Description: (Prints )?${name}\\n`));
    }
  });

  it('gives the same names for the same seed, others for another', () => {
    const other = provision(template, account, SeededNames.fromSeed('another'));
    expect(made().userPool.userPoolId).toBe(made().userPool.userPoolId);
    expect(other.userPool.userPoolId).not.toBe(made().userPool.userPoolId);
  });
});

describe('a template that cannot be used says why', () => {
  it.each([
    ['is not YAML', 'a: [', /not valid/],
    ['has no resources', 'Outputs: {}', /Resources must be a mapping/],
    [
      'has an unknown type',
      template.replace('AWS::IoT::Policy', 'AWS::IoT::Thing'),
      /AWS::IoT::Thing is not emulated/,
    ],
    [
      'refers to nothing',
      template.replace('!Ref UserPool\n', '!Ref Nothing\n'),
      /nothing named Nothing/,
    ],
    [
      'uses an unknown function',
      template.replace(/!Sub .*-users.*/, '!ImportValue x'),
      /Fn::ImportValue is not supported/,
    ],
    [
      'lacks a user pool',
      template.replace('AWS::Cognito::UserPool\n', 'AWS::IAM::ManagedPolicy\n'),
      /exactly one AWS::Cognito::UserPool|no attribute/,
    ],
  ])('%s', (_name, text, message) => {
    expect(() => made(text)).toThrow(message);
  });
});
