import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateThingCommand,
  DeletePolicyCommand,
  DeletePolicyVersionCommand,
  DeleteThingCommand,
  DescribeThingCommand,
  DetachPolicyCommand,
  DetachThingPrincipalCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  ListPoliciesCommand,
  ListPolicyVersionsCommand,
  ListThingPrincipalsCommand,
  ListThingsCommand,
  SetDefaultPolicyVersionCommand,
  TestAuthorizationCommand,
} from '@aws-sdk/client-iot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAccount } from './account.ts';

let account: TestAccount;
beforeAll(async () => {
  account = await TestAccount.start({ users: 1 });
});
afterAll(() => account.stop());

const document = (resource: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'iot:Publish', Resource: resource }],
  });
const refusedWith = (name: string, httpStatusCode: number) => ({
  name,
  $metadata: { httpStatusCode },
});

describe('policy versions', () => {
  const policyName = 'versioned';

  it('aws-facts §1.4: a policy has five versions at most, one of them the default', async () => {
    const { iot } = account;
    await iot.send(new CreatePolicyCommand({ policyName, policyDocument: document('one') }));
    for (const name of ['two', 'three', 'four', 'five']) {
      const made = await iot.send(
        new CreatePolicyVersionCommand({
          policyName,
          policyDocument: document(name),
          setAsDefault: name === 'three',
        }),
      );
      expect(made.isDefaultVersion).toBe(name === 'three');
    }
    await expect(
      iot.send(new CreatePolicyVersionCommand({ policyName, policyDocument: document('six') })),
    ).rejects.toMatchObject(refusedWith('VersionsLimitExceededException', 409));
    const policy = await iot.send(new GetPolicyCommand({ policyName }));
    expect(policy).toMatchObject({ defaultVersionId: '3', policyDocument: document('three') });
    const versions = await iot.send(new ListPolicyVersionsCommand({ policyName }));
    expect(versions.policyVersions?.map(({ versionId }) => versionId)).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
    ]);
  });

  it('aws-facts §5: the default version of a policy can be changed, and only others deleted', async () => {
    const { iot } = account;
    const version = (policyVersionId: string) => ({ policyName, policyVersionId });
    await expect(iot.send(new DeletePolicyVersionCommand(version('3')))).rejects.toMatchObject(
      refusedWith('DeleteConflictException', 409),
    );
    await iot.send(new SetDefaultPolicyVersionCommand(version('5')));
    await iot.send(new DeletePolicyVersionCommand(version('3')));
    await expect(iot.send(new GetPolicyVersionCommand(version('3')))).rejects.toMatchObject(
      refusedWith('ResourceNotFoundException', 404),
    );
    const found = await iot.send(new GetPolicyVersionCommand(version('5')));
    expect(found).toMatchObject({ isDefaultVersion: true, policyDocument: document('five') });
  });

  it('aws-facts §5: a policy goes only when detached and without other versions', async () => {
    const { iot } = account;
    const name = 'short-lived';
    const target = await account.identityId(0);
    await iot.send(new CreatePolicyCommand({ policyName: name, policyDocument: document('x') }));
    await iot.send(new AttachPolicyCommand({ policyName: name, target }));
    const remove = () => iot.send(new DeletePolicyCommand({ policyName: name }));
    await expect(remove()).rejects.toMatchObject(refusedWith('DeleteConflictException', 409));
    await iot.send(new DetachPolicyCommand({ policyName: name, target }));
    await remove();
    await expect(iot.send(new GetPolicyCommand({ policyName: name }))).rejects.toMatchObject(
      refusedWith('ResourceNotFoundException', 404),
    );
  });

  it('lists page by page', async () => {
    const { iot } = account;
    const first = await iot.send(new ListPoliciesCommand({ pageSize: 1 }));
    expect(first.policies).toHaveLength(1);
    const second = await iot.send(
      new ListPoliciesCommand({ pageSize: 1, marker: first.nextMarker }),
    );
    expect(second.policies?.[0]?.policyName).not.toBe(first.policies?.[0]?.policyName);
    await expect(iot.send(new ListPoliciesCommand({ marker: 'nonsense' }))).rejects.toMatchObject(
      refusedWith('InvalidRequestException', 400),
    );
  });
});

describe('things', () => {
  const thingName = 'device_42';
  const attributePayload = { attributes: { room: 'hall' } };

  it('aws-facts §1.4: a thing is made once, again with the same attributes, not with others', async () => {
    const { iot } = account;
    const made = await iot.send(new CreateThingCommand({ thingName, attributePayload }));
    expect(made.thingArn).toBe(`arn:aws:iot:us-east-1:123456789012:thing/${thingName}`);
    const again = await iot.send(new CreateThingCommand({ thingName, attributePayload }));
    expect(again.thingId).toBe(made.thingId);
    await expect(iot.send(new CreateThingCommand({ thingName }))).rejects.toMatchObject(
      refusedWith('ResourceAlreadyExistsException', 409),
    );
    const found = await iot.send(new DescribeThingCommand({ thingName }));
    expect(found).toMatchObject({ thingName, version: 1, attributes: { room: 'hall' } });
    await expect(iot.send(new DescribeThingCommand({ thingName: 'absent' }))).rejects.toMatchObject(
      refusedWith('ResourceNotFoundException', 404),
    );
  });

  it('lists things, all or by attribute', async () => {
    const { iot } = account;
    await iot.send(new CreateThingCommand({ thingName: 'device_43' }));
    const all = await iot.send(new ListThingsCommand({}));
    expect(all.things?.map((thing) => thing.thingName)).toEqual([thingName, 'device_43']);
    const some = await iot.send(
      new ListThingsCommand({ attributeName: 'room', attributeValue: 'hall' }),
    );
    expect(some.things?.map((thing) => thing.thingName)).toEqual([thingName]);
  });

  it('aws-facts §5: iot:Connection.Thing variables hold where the identity is attached', async () => {
    const { iot } = account;
    const principal = await account.identityId(0);
    const policyName = 'by-thing';
    const resource = (name: string) => `arn:aws:iot:us-east-1:123456789012:topic/${name}`;
    await iot.send(
      new CreatePolicyCommand({
        policyName,
        policyDocument: document(
          resource('${iot:Connection.Thing.ThingName}/${iot:Connection.Thing.Attributes[room]}'),
        ),
      }),
    );
    const decision = async () => {
      const answer = await iot.send(
        new TestAuthorizationCommand({
          principal,
          cognitoIdentityPoolId: account.ready.identityPoolId,
          clientId: thingName,
          policyNamesToAdd: [policyName],
          authInfos: [{ actionType: 'PUBLISH', resources: [resource(`${thingName}/hall`)] }],
        }),
      );
      return answer.authResults?.[0];
    };
    expect(await decision()).toMatchObject({
      authDecision: 'IMPLICIT_DENY',
      missingContextValues: [
        'iot:Connection.Thing.ThingName',
        'iot:Connection.Thing.Attributes[room]',
      ],
    });
    await iot.send(new AttachThingPrincipalCommand({ thingName, principal }));
    expect(await decision()).toMatchObject({ authDecision: 'ALLOWED' });
    const principals = await iot.send(new ListThingPrincipalsCommand({ thingName }));
    expect(principals.principals).toEqual([principal]);
    await expect(iot.send(new DeleteThingCommand({ thingName }))).rejects.toMatchObject(
      refusedWith('InvalidRequestException', 400),
    );
    await iot.send(new DetachThingPrincipalCommand({ thingName, principal }));
    expect((await decision())?.authDecision).toBe('IMPLICIT_DENY');
    await iot.send(new DeleteThingCommand({ thingName }));
  });
});
