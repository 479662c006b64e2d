import {
  AttachPolicyCommand,
  CreatePolicyCommand,
  DescribeEndpointCommand,
  DetachPolicyCommand,
  GetEffectivePoliciesCommand,
  GetPolicyCommand,
  ListAttachedPoliciesCommand,
  ListTargetsForPolicyCommand,
  TestAuthorizationCommand,
} from '@aws-sdk/client-iot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAccount } from './account.ts';
import { withTemplate } from './templates.ts';

let account: TestAccount;
let identityId: string;
let policyName: string;
beforeAll(async () => {
  account = await TestAccount.start();
  identityId = await account.identityId(0);
  policyName = account.ready.iotPolicyName;
});
afterAll(() => account.stop());

const arn = (resource: string) => `arn:aws:iot:us-east-1:123456789012:${resource}`;
const document = (...statements: object[]) =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });
const allow = (action: string, resource: string) => ({
  Effect: 'Allow',
  Action: action,
  Resource: resource,
});

async function attachedNames(target: string): Promise<(string | undefined)[]> {
  const answer = await account.iot.send(new ListAttachedPoliciesCommand({ target }));
  return (answer.policies ?? []).map((policy) => policy.policyName);
}

describe('attachments', () => {
  it('aws-facts §5: AttachPolicy is idempotent and shows in both lists; DetachPolicy undoes it', async () => {
    const target = await account.identityId(1);
    await account.iot.send(new AttachPolicyCommand({ policyName, target }));
    await account.iot.send(new AttachPolicyCommand({ policyName, target }));
    expect(await attachedNames(target)).toEqual([policyName]);
    const targets = await account.iot.send(new ListTargetsForPolicyCommand({ policyName }));
    expect(targets.targets).toContain(target);
    await account.iot.send(new DetachPolicyCommand({ policyName, target }));
    expect(await attachedNames(target)).toEqual([]);
  });

  it('aws-facts §5: attaching a policy that does not exist is ResourceNotFoundException 404', async () => {
    await expect(
      account.iot.send(new AttachPolicyCommand({ policyName: 'absent', target: identityId })),
    ).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 404 },
    });
  });

  it('aws-facts §5: a target of the wrong form is InvalidRequestException 400', async () => {
    await expect(
      account.iot.send(new AttachPolicyCommand({ policyName, target: 'not a target' })),
    ).rejects.toMatchObject({
      name: 'InvalidRequestException',
      $metadata: { httpStatusCode: 400 },
    });
  });

  it('aws-facts §1.4: the eleventh policy of an identity is LimitExceededException 410', async () => {
    const target = await account.identityId(2);
    for (let index = 1; index <= 11; index += 1) {
      const name = `limit-${index}`;
      await account.iot.send(
        new CreatePolicyCommand({
          policyName: name,
          policyDocument: document(allow('iot:Publish', arn('topic/x'))),
        }),
      );
      const attach = account.iot.send(new AttachPolicyCommand({ policyName: name, target }));
      if (index <= 10) await attach;
      else {
        await expect(attach).rejects.toMatchObject({
          name: 'LimitExceededException',
          $metadata: { httpStatusCode: 410 },
        });
      }
    }
  });
});

describe('policies', () => {
  it('aws-facts §5: GetPolicy gives the document of the template, its ARN and version', async () => {
    const policy = await account.iot.send(new GetPolicyCommand({ policyName }));
    expect(policy).toMatchObject({
      policyName,
      policyArn: arn(`policy/${policyName}`),
      defaultVersionId: '1',
    });
    expect(policy.policyDocument).toContain('client/${cognito-identity.amazonaws.com:sub}');
    expect(policy.creationDate).toBeInstanceOf(Date);
  });

  it('aws-facts §5: a policy name that is taken is ResourceAlreadyExistsException 409', async () => {
    await expect(
      account.iot.send(
        new CreatePolicyCommand({ policyName, policyDocument: document(allow('iot:*', '*')) }),
      ),
    ).rejects.toMatchObject({
      name: 'ResourceAlreadyExistsException',
      $metadata: { httpStatusCode: 409 },
    });
  });

  it.each([
    ['no JSON', 'nonsense'],
    ['no action', document({ Effect: 'Allow', Resource: '*' })],
    ['a wrong effect', document({ Effect: 'Maybe', Action: 'iot:*', Resource: '*' })],
    [
      'an unknown condition operator',
      document({ ...allow('iot:*', '*'), Condition: { Near: { a: 'b' } } }),
    ],
    ['more than 2,048 characters', document(allow('iot:Publish', 'x'.repeat(2048)))],
  ])(
    'aws-facts §1.4, §5: a policy that is malformed or too long is MalformedPolicyException 400 (%s)',
    async (_name, policyDocument) => {
      await expect(
        account.iot.send(new CreatePolicyCommand({ policyName: 'malformed', policyDocument })),
      ).rejects.toMatchObject({
        name: 'MalformedPolicyException',
        $metadata: { httpStatusCode: 400 },
      });
    },
  );

  it('aws-facts §5: GetEffectivePolicies gives the documents', async () => {
    await account.iot.send(new AttachPolicyCommand({ policyName, target: identityId }));
    const answer = await account.iot.send(
      new GetEffectivePoliciesCommand({
        principal: identityId,
        cognitoIdentityPoolId: account.ready.identityPoolId,
      }),
    );
    expect(answer.effectivePolicies).toEqual([
      {
        policyName,
        policyArn: arn(`policy/${policyName}`),
        policyDocument: expect.stringContaining('iot:Connect'),
      },
    ]);
  });
});

describe('TestAuthorization', () => {
  const test = (actionType: 'PUBLISH' | 'CONNECT', resource: string, extra: object = {}) =>
    account.iot.send(
      new TestAuthorizationCommand({
        principal: identityId,
        cognitoIdentityPoolId: account.ready.identityPoolId,
        clientId: identityId,
        authInfos: [{ actionType, resources: [arn(resource)] }],
        ...extra,
      }),
    );

  beforeAll(async () => {
    await account.iot.send(new AttachPolicyCommand({ policyName, target: identityId }));
    await account.iot.send(
      new CreatePolicyCommand({
        policyName: 'deny-device-1',
        policyDocument: document({
          ...allow('iot:Publish', arn('topic/$aws/things/device_1/*')),
          Effect: 'Deny',
        }),
      }),
    );
  });

  it('aws-facts §5: TestAuthorization: ALLOWED names the policy that allows', async () => {
    const answer = await test('PUBLISH', 'topic/$aws/things/device_1/shadow/update');
    expect(answer.authResults?.[0]).toMatchObject({
      authDecision: 'ALLOWED',
      allowed: { policies: [{ policyName }] },
    });
  });

  it('aws-facts §5: the variable of the identity id is filled in', async () => {
    const own = await test('CONNECT', `client/${identityId}`);
    expect(own.authResults?.[0]?.authDecision).toBe('ALLOWED');
    const other = await test('CONNECT', 'client/somebody-else');
    expect(other.authResults?.[0]?.authDecision).toBe('IMPLICIT_DENY');
  });

  it('aws-facts §5: TestAuthorization: IMPLICIT_DENY where nothing allows', async () => {
    const answer = await test('PUBLISH', 'topic/$aws/things/thermostat_9/shadow/update');
    expect(answer.authResults?.[0]).toMatchObject({
      authDecision: 'IMPLICIT_DENY',
      denied: { implicitDeny: { policies: [{ policyName }] } },
    });
  });

  it('aws-facts §5: TestAuthorization: EXPLICIT_DENY of an added policy wins', async () => {
    const answer = await test('PUBLISH', 'topic/$aws/things/device_1/shadow/update', {
      policyNamesToAdd: ['deny-device-1'],
    });
    expect(answer.authResults?.[0]).toMatchObject({
      authDecision: 'EXPLICIT_DENY',
      denied: { explicitDeny: { policies: [{ policyName: 'deny-device-1' }] } },
    });
  });

  it('aws-facts §5: a policy that TestAuthorization is told to skip does not count', async () => {
    const answer = await test('PUBLISH', 'topic/$aws/things/device_1/shadow/update', {
      policyNamesToSkip: [policyName],
    });
    expect(answer.authResults?.[0]?.authDecision).toBe('IMPLICIT_DENY');
  });
});

describe('who may call', () => {
  it('aws-facts §5: an identity whose role lacks the action is denied (403)', async () => {
    const { keys } = await account.credentials(0);
    const client = account.iotAs(keys);
    await expect(
      client.send(new AttachPolicyCommand({ policyName, target: identityId })),
    ).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringMatching(
        `^User: arn:aws:sts::123456789012:assumed-role/.+/CognitoIdentityCredentials is not authorized to perform: iot:AttachPolicy on resource: ${identityId} because no identity-based policy allows the iot:AttachPolicy action$`,
      ),
      $metadata: { httpStatusCode: 403 },
    });
    client.destroy();
  });

  it('aws-facts §5: an identity may attach where its role allows it on the identity, not on the policy', async () => {
    const attachAs = (resource: string) =>
      withTemplate(
        (text) =>
          text.replace(
            /(PolicyName: iot-shadows\n\s+PolicyDocument:\n\s+Version: ["']2012-10-17["']\n\s+Statement:\n)/,
            `$1              - Effect: Allow
                Action: iot:AttachPolicy
                Resource: ${resource}
`,
          ),
        async (own) => {
          const { keys, identityId: target } = await own.credentials(0);
          const client = own.iotAs(keys);
          try {
            await client.send(
              new AttachPolicyCommand({ policyName: own.ready.iotPolicyName, target }),
            );
          } finally {
            client.destroy();
          }
        },
      );
    await expect(attachAs('"*"')).resolves.toBeUndefined();
    await expect(attachAs('arn:aws:iot:us-east-1:123456789012:policy/*')).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  it('an issued key with a wrong secret is InvalidSignatureException (403)', async () => {
    const { keys } = await account.credentials(0);
    const client = account.iotAs({ ...keys, secretAccessKey: 'wrong' });
    await expect(client.send(new GetPolicyCommand({ policyName }))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
      $metadata: { httpStatusCode: 403 },
    });
    client.destroy();
  });

  it('a wrong session token is UnrecognizedClientException (403)', async () => {
    const { keys } = await account.credentials(0);
    const client = account.iotAs({ ...keys, sessionToken: 'wrong' });
    await expect(client.send(new GetPolicyCommand({ policyName }))).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
    client.destroy();
  });

  it('an unsigned request is MissingAuthenticationTokenException (403)', async () => {
    const answer = await fetch(`${account.ready.endpoints.iot}/policies/${policyName}`);
    expect(answer.status).toBe(403);
    expect(answer.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationTokenException');
  });

  it('with an administrator configured, no other key is', async () => {
    const administrator = { accessKeyId: 'AKIDREAL', secretKey: 'the-secret' };
    const strict = await TestAccount.start({ administrator, users: 0 });
    const name = strict.ready.iotPolicyName;
    const attempt = (accessKeyId: string, secretAccessKey: string) =>
      strict
        .iotAs({ accessKeyId, secretAccessKey })
        .send(new GetPolicyCommand({ policyName: name }));
    try {
      await expect(attempt('AKIDREAL', 'the-secret')).resolves.toMatchObject({ policyName: name });
      await expect(attempt('AKIDREAL', 'other')).rejects.toMatchObject({
        name: 'InvalidSignatureException',
      });
      await expect(attempt('AKIDOTHER', 'the-secret')).rejects.toMatchObject({
        name: 'UnrecognizedClientException',
      });
    } finally {
      await strict.stop();
    }
  });
});

it('DescribeEndpoint gives the address of the device side', async () => {
  const answer = await account.iot.send(
    new DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' }),
  );
  expect(answer.endpointAddress).toBe(account.ready.endpoints.iotData);
});
