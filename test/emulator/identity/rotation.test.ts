import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetTokensFromRefreshTokenCommand } from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAccount } from './account.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'courier-rotation-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** An account from the project's template with refresh-token rotation switched on. */
async function rotating(graceSeconds: number): Promise<TestAccount> {
  const template = await readFile(new URL('../../../infra/template.yaml', import.meta.url), 'utf8');
  const path = join(directory, `${graceSeconds}.yaml`);
  await writeFile(
    path,
    template.replace(
      '      GenerateSecret: true\n',
      `      GenerateSecret: true
      RefreshTokenRotation:
        Feature: ENABLED
        RetryGracePeriodSeconds: ${graceSeconds}
`,
    ),
  );
  return TestAccount.start({ template: path, users: 1 });
}

const exchange = (account: TestAccount, token = '', secret = account.ready.clientSecret) =>
  account.userPool.send(
    new GetTokensFromRefreshTokenCommand({
      RefreshToken: token,
      ClientId: account.ready.clientId,
      ClientSecret: secret,
    }),
  );

describe('GetTokensFromRefreshToken', () => {
  it('aws-facts §6.4: with rotation a token is good once, and its successor goes on', async () => {
    const account = await rotating(0);
    try {
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
    } finally {
      await account.stop();
    }
  });

  it('aws-facts §6.4: within the grace period a used token is good again', async () => {
    const account = await rotating(60);
    try {
      const { RefreshToken } = await account.signIn();
      await exchange(account, RefreshToken);
      const again = (await exchange(account, RefreshToken)).AuthenticationResult;
      expect(again?.RefreshToken).toBeDefined();
    } finally {
      await account.stop();
    }
  });

  it('aws-facts §6.4: with rotation REFRESH_TOKEN_AUTH is refused', async () => {
    const account = await rotating(0);
    try {
      const { RefreshToken } = await account.signIn();
      await expect(
        account.initiate('REFRESH_TOKEN_AUTH', {
          REFRESH_TOKEN: RefreshToken,
          SECRET_HASH: account.secretHash(account.user(0).username),
        }),
      ).rejects.toMatchObject({ name: 'InvalidParameterException' });
    } finally {
      await account.stop();
    }
  });

  it('aws-facts §6.4: without rotation it gives no refresh token, and takes the secret in clear', async () => {
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
