import { AdminUserGlobalSignOutCommand } from '@aws-sdk/client-cognito-identity-provider';
import { describe, expect, it } from 'vitest';
import { withTemplate } from './templates.ts';

const INVALID = {
  name: 'InvalidIdentityPoolConfigurationException',
  message: 'Invalid identity pool configuration. Check assigned IAM roles for this pool.',
  $metadata: { httpStatusCode: 400 },
};

describe('role mapping', () => {
  it('aws-facts §6.5: a role that does not trust the identity pool cannot be given', () =>
    withTemplate(
      (text) =>
        text.replace(
          '!Ref IdentityPool\n              ForAny',
          'someone-else\n              ForAny',
        ),
      async (account) => {
        await expect(account.credentials(0)).rejects.toMatchObject(INVALID);
      },
    ));

  it('aws-facts §6.5: a role that does not exist cannot be given', () =>
    withTemplate(
      (text) =>
        text.replace('!GetAtt AuthenticatedRole.Arn', 'arn:aws:iam::123456789012:role/absent'),
      async (account) => {
        await expect(account.credentials(0)).rejects.toMatchObject(INVALID);
      },
    ));

  /** Rules that give the role to one user, and to others what `ambiguous` says. */
  const ruled = (text: string, ambiguous: string): string =>
    text.replace(
      /Type: Token\n\s+AmbiguousRoleResolution: AuthenticatedRole/,
      `Type: Rules
          AmbiguousRoleResolution: ${ambiguous}
          RulesConfiguration:
            Rules:
              - Claim: cognito:username
                MatchType: Equals
                Value: user-0001
                RoleARN: !GetAtt AuthenticatedRole.Arn`,
    );

  it('aws-facts §6.5: mapping rules choose a role by a claim, and Deny refuses who fits none', () =>
    withTemplate(
      (text) => ruled(text, 'Deny'),
      async (account) => {
        expect((await account.credentials(0)).keys.accessKeyId).toMatch(/^ASIA/);
        await expect(account.credentials(1)).rejects.toMatchObject(INVALID);
      },
    ));

  it('aws-facts §6.5: with AuthenticatedRole the pool takes those whom no rule fits', () =>
    withTemplate(
      (text) => ruled(text, 'AuthenticatedRole'),
      async (account) => {
        expect((await account.credentials(1)).keys.accessKeyId).toMatch(/^ASIA/);
      },
    ));
});

it("aws-facts §6.5: a token of another client than the identity pool's is not of a supported provider", () =>
  withTemplate(
    (text) => text.replace('ClientId: !Ref UserPoolClient', 'ClientId: anotherclient'),
    async (account) => {
      await expect(account.identityId(0)).rejects.toMatchObject({
        name: 'NotAuthorizedException',
        message: 'Token is not from a supported provider of this identity pool.',
      });
    },
  ));

describe('server-side token check', () => {
  it('aws-facts §6.5: with server-side token checks a signed-out user needs a new token', () =>
    withTemplate(
      (text) => text.replace('ServerSideTokenCheck: false', 'ServerSideTokenCheck: true'),
      async (account) => {
        const { IdToken } = await account.signIn(0);
        expect(await account.getId(IdToken)).toMatch(/^us-east-1:/);
        await account.userPool.send(
          new AdminUserGlobalSignOutCommand({
            UserPoolId: account.ready.userPoolId,
            Username: account.user(0).username,
          }),
        );
        await expect(account.getId(IdToken)).rejects.toMatchObject({
          name: 'NotAuthorizedException',
        });
        expect(await account.identityId(0)).toMatch(/^us-east-1:/);
      },
    ));
});

it('a pool that lets anybody in is refused when the template is read', async () => {
  await expect(
    withTemplate(
      (text) =>
        text.replace(
          'AllowUnauthenticatedIdentities: false',
          'AllowUnauthenticatedIdentities: true',
        ),
      async () => {},
    ),
  ).rejects.toThrow('AllowUnauthenticatedIdentities is not emulated');
});
