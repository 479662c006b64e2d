import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAccount } from './account.ts';

let account: TestAccount;
beforeAll(async () => {
  account = await TestAccount.start();
});
afterAll(() => account.stop());

const parameters = (index: number, overrides: Record<string, string> = {}) => {
  const { username, password } = account.user(index);
  return {
    USERNAME: username,
    PASSWORD: password,
    SECRET_HASH: account.secretHash(username),
    ...overrides,
  };
};

describe('USER_PASSWORD_AUTH', () => {
  it('aws-facts §6.3: USER_PASSWORD_AUTH gives access, ID and refresh token with type and life', async () => {
    const answer = await account.initiate('USER_PASSWORD_AUTH', parameters(0));
    expect(answer.ChallengeName).toBeUndefined();
    expect(answer.AuthenticationResult).toEqual({
      AccessToken: expect.any(String),
      IdToken: expect.any(String),
      RefreshToken: expect.any(String),
      ExpiresIn: 3600,
      TokenType: 'Bearer',
    });
  });

  it('aws-facts §6.4: the tokens carry the claims of Cognito and live one hour', async () => {
    const { IdToken, AccessToken } = await account.signIn();
    const issuer = `https://cognito-idp.us-east-1.amazonaws.com/${account.ready.userPoolId}`;
    const id = decodeJwt(IdToken);
    expect(id).toMatchObject({
      iss: issuer,
      aud: account.ready.clientId,
      token_use: 'id',
      'cognito:username': account.user(0).username,
    });
    const access = decodeJwt(AccessToken);
    expect(access).toMatchObject({
      iss: issuer,
      client_id: account.ready.clientId,
      token_use: 'access',
      username: account.user(0).username,
      sub: id.sub,
      origin_jti: id['origin_jti'],
    });
    expect(access.aud).toBeUndefined();
    expect((id.exp ?? 0) - (id.iat ?? 0)).toBe(3600);
    expect(id.sub).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(id['auth_time']).toBe(id.iat);
  });

  it('aws-facts §6.4: RS256 tokens verify with the JWKS of the issuer', async () => {
    const { IdToken } = await account.signIn();
    const { endpoints, userPoolId } = account.ready;
    const keys = createRemoteJWKSet(
      new URL(`${endpoints.cognitoIdp}/${userPoolId}/.well-known/jwks.json`),
    );
    expect(decodeProtectedHeader(IdToken).alg).toBe('RS256');
    await expect(jwtVerify(IdToken, keys)).resolves.toBeDefined();
  });

  it.each([
    ['a wrong password', { PASSWORD: 'wrong' }, 'Incorrect username or password.'],
    ['a wrong hash', { SECRET_HASH: 'AAAA' }, /^SecretHash does not match for the client: /],
  ])(
    'aws-facts §6.3: a wrong password or SECRET_HASH is NotAuthorizedException (%s)',
    async (_name, overrides, message) => {
      await expect(
        account.initiate('USER_PASSWORD_AUTH', parameters(1, overrides)),
      ).rejects.toMatchObject({
        name: 'NotAuthorizedException',
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      });
    },
  );

  it('aws-facts §6.3: a missing SECRET_HASH is told', async () => {
    const { username, password } = account.user(0);
    await expect(
      account.initiate('USER_PASSWORD_AUTH', { USERNAME: username, PASSWORD: password }),
    ).rejects.toMatchObject({
      name: 'NotAuthorizedException',
      message: `Client ${account.ready.clientId} is configured with secret but SECRET_HASH was not received`,
    });
  });

  it('aws-facts §6.3: an unknown user is UserNotFoundException, since errors are LEGACY', async () => {
    await expect(
      account.initiate('USER_PASSWORD_AUTH', {
        USERNAME: 'nobody',
        PASSWORD: 'x',
        SECRET_HASH: account.secretHash('nobody'),
      }),
    ).rejects.toMatchObject({ name: 'UserNotFoundException', message: 'User does not exist.' });
  });

  it('aws-facts §6.3: the hash is checked before the user is looked up', async () => {
    await expect(
      account.initiate('USER_PASSWORD_AUTH', {
        USERNAME: 'nobody',
        PASSWORD: 'x',
        SECRET_HASH: 'AAAA',
      }),
    ).rejects.toMatchObject({ name: 'NotAuthorizedException' });
  });

  it('aws-facts §6.3: an unknown client is ResourceNotFoundException', async () => {
    await expect(
      account.initiate('USER_PASSWORD_AUTH', parameters(0), 'unknownclient'),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('aws-facts §6.3: a flow that the client does not allow is InvalidParameterException', async () => {
    await expect(account.initiate('USER_SRP_AUTH', parameters(0))).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'USER_SRP_AUTH flow not enabled for this client',
    });
  });

  it('aws-facts §6.3: after five wrong passwords a user is locked', async () => {
    // The first lock lasts one second, here stretched so that no slow machine misses it.
    const slow = await TestAccount.start({ users: 1, timeScale: 0.01 });
    const { username, password } = slow.user(0);
    const attempt = (given: string) =>
      slow.initiate('USER_PASSWORD_AUTH', {
        USERNAME: username,
        PASSWORD: given,
        SECRET_HASH: slow.secretHash(username),
      });
    try {
      for (let count = 0; count < 5; count += 1) {
        await expect(attempt('wrong')).rejects.toMatchObject({
          message: 'Incorrect username or password.',
        });
      }
      await expect(attempt(password)).rejects.toMatchObject({
        name: 'NotAuthorizedException',
        message: 'Password attempts exceeded',
      });
    } finally {
      await slow.stop();
    }
  });
});

describe('REFRESH_TOKEN_AUTH', () => {
  const refresh = (token: string, username: string) =>
    account.initiate('REFRESH_TOKEN_AUTH', {
      REFRESH_TOKEN: token,
      SECRET_HASH: account.secretHash(username),
    });

  it('aws-facts §6.3: REFRESH_TOKEN_AUTH gives new tokens and no refresh token', async () => {
    const { RefreshToken, IdToken } = await account.signIn();
    const answer = await refresh(RefreshToken, account.user(0).username);
    expect(answer.AuthenticationResult?.RefreshToken).toBeUndefined();
    const renewed = decodeJwt(answer.AuthenticationResult?.IdToken ?? '');
    expect(renewed['origin_jti']).toBe(decodeJwt(IdToken)['origin_jti']);
    expect(renewed.jti).not.toBe(decodeJwt(IdToken).jti);
  });

  it('aws-facts §6.3: an unknown refresh token is "Invalid Refresh Token"', async () => {
    await expect(refresh('nonsense', account.user(0).username)).rejects.toMatchObject({
      name: 'NotAuthorizedException',
      message: 'Invalid Refresh Token',
    });
  });

  it('aws-facts §6.4: on a refresh SECRET_HASH must hold the user name of the pool, not the alias', async () => {
    const aliased = await TestAccount.start({ usernameStyle: 'uuid', users: 1 });
    try {
      const { RefreshToken, IdToken } = await aliased.signIn();
      const real = String(decodeJwt(IdToken)['cognito:username']);
      const alias = aliased.user(0).username;
      expect(real).not.toBe(alias);
      const attempt = (username: string) =>
        aliased.initiate('REFRESH_TOKEN_AUTH', {
          REFRESH_TOKEN: RefreshToken,
          SECRET_HASH: aliased.secretHash(username),
        });
      await expect(attempt(alias)).rejects.toMatchObject({ name: 'NotAuthorizedException' });
      await expect(attempt(real)).resolves.toMatchObject({
        AuthenticationResult: { TokenType: 'Bearer' },
      });
    } finally {
      await aliased.stop();
    }
  });
});

describe('the wire', () => {
  const target = 'AWSCognitoIdentityProviderService.InitiateAuth';

  it('aws-facts §6.2: errors are HTTP 400 with __type and message', async () => {
    const answer = await account.post(target, JSON.stringify({ AuthFlow: 'USER_PASSWORD_AUTH' }));
    expect(answer).toEqual({
      status: 400,
      body: {
        __type: 'InvalidParameterException',
        message:
          "1 validation error detected: Value null at 'clientId' failed to satisfy constraint: Member must not be null",
      },
    });
  });

  it.each([
    ['no JSON', '{'],
    ['an array', '[]'],
    ['a number for a string', '{"AuthFlow":1}'],
    ['a list for a map', '{"AuthFlow":"USER_PASSWORD_AUTH","ClientId":"x","AuthParameters":[]}'],
  ])(
    'aws-facts §6.2: a body that is no fitting JSON is SerializationException (%s)',
    async (_name, body) => {
      const answer = await account.post(target, body);
      expect(answer).toMatchObject({ status: 400, body: { __type: 'SerializationException' } });
    },
  );

  it('a body above 1 MB is refused and the server goes on', async () => {
    expect((await account.post(target, `"${'x'.repeat(2_000_000)}"`)).status).toBe(413);
    expect((await account.post(target, '{}')).status).toBe(400);
  });

  it('aws-facts §6.2: an unknown operation is UnknownOperationException', async () => {
    const answer = await account.post('AWSCognitoIdentityProviderService.Nope', '{}');
    expect(answer).toMatchObject({ status: 400, body: { __type: 'UnknownOperationException' } });
  });
});
