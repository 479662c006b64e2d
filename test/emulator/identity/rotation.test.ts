import { GetTokensFromRefreshTokenCommand } from '@aws-sdk/client-cognito-identity-provider';
import { describe, expect, it } from 'vitest';
import { TestAccount } from './account.ts';
import { withTemplate } from './templates.ts';

/** Runs with refresh-token rotation switched on in the project's template. */
const rotating = (graceSeconds: number, run: (account: TestAccount) => Promise<void>) =>
  withTemplate(
    (text) =>
      text.replace(
        '      GenerateSecret: true\n',
        `      GenerateSecret: true
      RefreshTokenRotation:
        Feature: ENABLED
        RetryGracePeriodSeconds: ${graceSeconds}
`,
      ),
    run,
  );

const exchange = (account: TestAccount, token = '', secret = account.ready.clientSecret) =>
  account.userPool.send(
    new GetTokensFromRefreshTokenCommand({
      RefreshToken: token,
      ClientId: account.ready.clientId,
      ClientSecret: secret,
    }),
  );

describe('GetTokensFromRefreshToken', () => {
  it('aws-facts §6.4: with rotation a refresh token is good once, and its successor goes on', () =>
    rotating(0, async (account) => {
      const { RefreshToken } = await account.signIn();
      const first = (await exchange(account, RefreshToken)).AuthenticationResult;
      expect(first?.RefreshToken).toBeDefined();
      expect(first?.RefreshToken).not.toBe(RefreshToken);
      await expect(exchange(account, RefreshToken)).rejects.toMatchObject({
        name: 'RefreshTokenReuseException',
        $metadata: { httpStatusCode: 400 },
      });
      const second = (await exchange(account, first?.RefreshToken)).AuthenticationResult;
      expect(second?.IdToken).toBeDefined();
    }));

  it('aws-facts §6.4: within the grace period a used token is good again', () =>
    rotating(60, async (account) => {
      const { RefreshToken } = await account.signIn();
      await exchange(account, RefreshToken);
      const again = (await exchange(account, RefreshToken)).AuthenticationResult;
      expect(again?.RefreshToken).toBeDefined();
    }));

  it('aws-facts §6.4: with rotation REFRESH_TOKEN_AUTH is refused', () =>
    rotating(0, async (account) => {
      const { RefreshToken } = await account.signIn();
      await expect(
        account.initiate('REFRESH_TOKEN_AUTH', {
          REFRESH_TOKEN: RefreshToken,
          SECRET_HASH: account.secretHash(account.user(0).username),
        }),
      ).rejects.toMatchObject({ name: 'InvalidParameterException' });
    }));

  it('aws-facts §6.4: without rotation GetTokensFromRefreshToken gives no refresh token, and takes the secret in clear', async () => {
    const account = await TestAccount.start({ users: 1 });
    try {
      const { RefreshToken } = await account.signIn();
      const answer = (await exchange(account, RefreshToken)).AuthenticationResult;
      expect(answer).toMatchObject({ TokenType: 'Bearer', IdToken: expect.any(String) });
      expect(answer?.RefreshToken).toBeUndefined();
      await expect(exchange(account, RefreshToken, 'wrong')).rejects.toMatchObject({
        name: 'NotAuthorizedException',
      });
      await expect(exchange(account, 'nonsense')).rejects.toMatchObject({
        message: 'Invalid Refresh Token',
      });
    } finally {
      await account.stop();
    }
  });
});
