import { GetCredentialsForIdentityCommand, GetIdCommand } from '@aws-sdk/client-cognito-identity';
import { decodeJwt, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAccount } from './account.ts';

let account: TestAccount;
beforeAll(async () => {
  account = await TestAccount.start();
});
afterAll(() => account.stop());

const getId = (logins: Record<string, string>, pool = account.ready.identityPoolId) =>
  account.identityPool.send(new GetIdCommand({ IdentityPoolId: pool, Logins: logins }));

const getCredentials = (identityId: string, logins: Record<string, string>) =>
  account.identityPool.send(
    new GetCredentialsForIdentityCommand({ IdentityId: identityId, Logins: logins }),
  );

const refused = (message: string | RegExp) => ({
  name: 'NotAuthorizedException',
  message: typeof message === 'string' ? message : expect.stringMatching(message),
});

describe('GetId', () => {
  it('aws-facts §6.5: the identity id is stable per user and differs between users', async () => {
    const first = await account.identityId(0);
    expect(first).toMatch(/^us-east-1:[0-9a-f-]{36}$/);
    expect(await account.identityId(0)).toBe(first);
    expect(await account.identityId(1)).not.toBe(first);
  });

  it('aws-facts §6.5: GetId without a login is refused', async () => {
    await expect(getId({})).rejects.toMatchObject(
      refused('Unauthenticated access is not supported for this identity pool.'),
    );
  });

  it('aws-facts §6.5: an access token lacks the claim aud', async () => {
    const { AccessToken } = await account.signIn();
    await expect(getId(account.logins(AccessToken))).rejects.toMatchObject(
      refused('Invalid login token. Missing a required claim: aud'),
    );
  });

  it('aws-facts §6.5: a provider that the pool does not know is told', async () => {
    const { IdToken } = await account.signIn();
    const key = 'cognito-idp.us-east-1.amazonaws.com/us-east-1_Unknown00';
    await expect(getId({ [key]: IdToken })).rejects.toMatchObject(
      refused('Token is not from a supported provider of this identity pool.'),
    );
  });

  it('aws-facts §6.5: a token signed by another key is told', async () => {
    const { IdToken } = await account.signIn();
    const { privateKey } = await generateKeyPair('RS256');
    const forged = await new SignJWT(decodeJwt(IdToken))
      .setProtectedHeader({ alg: 'RS256' })
      .sign(privateKey);
    await expect(getId(account.logins(forged))).rejects.toMatchObject(
      refused("Invalid login token. Couldn't verify signed token."),
    );
  });

  it('aws-facts §6.5: an unsigned token (alg none) is told', async () => {
    const { IdToken } = await account.signIn();
    const header = Buffer.from('{"alg":"none"}').toString('base64url');
    const unsigned = `${header}.${IdToken.split('.')[1]}.`;
    await expect(getId(account.logins(unsigned))).rejects.toMatchObject(
      refused("Invalid login token. Couldn't verify signed token."),
    );
  });

  it('aws-facts §6.5: another issuer is told', async () => {
    const { IdToken } = await account.signIn();
    const { privateKey } = await generateKeyPair('RS256');
    const foreign = await new SignJWT({ ...decodeJwt(IdToken), iss: 'https://example.com' })
      .setProtectedHeader({ alg: 'RS256' })
      .sign(privateKey);
    await expect(getId(account.logins(foreign))).rejects.toMatchObject(
      refused("Invalid login token. Issuer doesn't match providerName"),
    );
  });

  it('aws-facts §6.5: what is no token at all is refused', async () => {
    await expect(getId(account.logins('nonsense'))).rejects.toMatchObject(
      refused(/^Invalid login token\./),
    );
  });

  it('aws-facts §6.5: an unknown pool is ResourceNotFoundException', async () => {
    const { IdToken } = await account.signIn();
    const pool = 'us-east-1:00000000-0000-4000-8000-000000000000';
    await expect(getId(account.logins(IdToken), pool)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: `IdentityPool '${pool}' not found.`,
    });
  });
});

describe('GetCredentialsForIdentity', () => {
  it('aws-facts §6.5: GetCredentialsForIdentity gives credentials for one hour', async () => {
    const before = Date.now();
    const { keys, expiration } = await account.credentials();
    expect(keys.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(keys.sessionToken.length).toBeGreaterThan(100);
    const lifeMs = expiration.getTime() - before;
    expect(lifeMs).toBeGreaterThan(3_590_000);
    expect(lifeMs).toBeLessThan(3_610_000);
  });

  it('aws-facts §6.5: the login of another user does not match', async () => {
    const [mine, other] = [await account.identityId(0), await account.signIn(1)];
    await expect(getCredentials(mine, account.logins(other.IdToken))).rejects.toMatchObject(
      refused(/^Logins don't match\. Please include at least one valid login/),
    );
  });

  it('aws-facts §6.5: GetCredentialsForIdentity without a login is refused', async () => {
    await expect(getCredentials(await account.identityId(0), {})).rejects.toMatchObject(
      refused(/^Logins don't match\./),
    );
  });

  it('aws-facts §6.5: an identity that was never made is ResourceNotFoundException', async () => {
    const { IdToken } = await account.signIn();
    const unknown = 'us-east-1:00000000-0000-4000-8000-000000000000';
    await expect(getCredentials(unknown, account.logins(IdToken))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('aws-facts §6.5: an identity id of the wrong form is InvalidParameterException', async () => {
    const answer = await account.post(
      'AWSCognitoIdentityService.GetCredentialsForIdentity',
      '{"IdentityId":"nope"}',
    );
    expect(answer).toMatchObject({ status: 400, body: { __type: 'InvalidParameterException' } });
  });
});

describe('time', () => {
  it('aws-facts §6.5: an expired ID token is told with both times', async () => {
    // A token lives an hour, here shortened to its least life of one second.
    const hasty = await TestAccount.start({ timeScale: 3600, users: 1 });
    try {
      const { IdToken } = await hasty.signIn();
      const logins = hasty.logins(IdToken);
      const attempt = () =>
        hasty.identityPool.send(
          new GetIdCommand({ IdentityPoolId: hasty.ready.identityPoolId, Logins: logins }),
        );
      await expect
        .poll(
          () =>
            attempt().then(
              () => '',
              (error: Error) => error.message,
            ),
          { timeout: 5000 },
        )
        .toMatch(/^Invalid login token\. Token expired: \d+ >= \d+$/);
    } finally {
      await hasty.stop();
    }
  });
});
