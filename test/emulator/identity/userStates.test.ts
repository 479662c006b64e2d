import { randomUUID } from 'node:crypto';
import {
  AdminCreateUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminGetUserCommand,
  AdminResetUserPasswordCommand,
  AdminSetUserPasswordCommand,
  AdminUserGlobalSignOutCommand,
  DescribeUserPoolClientCommand,
  GetUserCommand,
  GlobalSignOutCommand,
  RespondToAuthChallengeCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestAccount } from './account.ts';

const TEMPORARY = 'Temporary-passw0rd';
const PASSWORD = 'Another-passw0rd';

let account: TestAccount;
beforeAll(async () => {
  account = await TestAccount.start({ users: 1 });
});
afterAll(() => account.stop());

/** Creates a user with a temporary password and gives how to address it. */
async function createUser(): Promise<{ UserPoolId: string; Username: string }> {
  const user = { UserPoolId: account.ready.userPoolId, Username: `created-${randomUUID()}` };
  await account.userPool.send(
    new AdminCreateUserCommand({
      ...user,
      TemporaryPassword: TEMPORARY,
      MessageAction: 'SUPPRESS',
    }),
  );
  return user;
}

async function createConfirmed(): Promise<{ UserPoolId: string; Username: string }> {
  const user = await createUser();
  await account.userPool.send(
    new AdminSetUserPasswordCommand({ ...user, Password: PASSWORD, Permanent: true }),
  );
  return user;
}

const signIn = (username: string, password = PASSWORD) =>
  account.initiate('USER_PASSWORD_AUTH', {
    USERNAME: username,
    PASSWORD: password,
    SECRET_HASH: account.secretHash(username),
  });

const refresh = (username: string, token = '') =>
  account.initiate('REFRESH_TOKEN_AUTH', {
    REFRESH_TOKEN: token,
    SECRET_HASH: account.secretHash(username),
  });

describe('administrators', () => {
  it('aws-facts §6.3: a created user must change the password', async () => {
    const user = await createUser();
    const answer = await signIn(user.Username, TEMPORARY);
    expect(answer).toMatchObject({
      ChallengeName: 'NEW_PASSWORD_REQUIRED',
      Session: expect.any(String),
      ChallengeParameters: { USER_ID_FOR_SRP: user.Username, requiredAttributes: '[]' },
    });
    expect(answer.AuthenticationResult).toBeUndefined();

    const respond = (password: string) =>
      account.userPool.send(
        new RespondToAuthChallengeCommand({
          ClientId: account.ready.clientId,
          ChallengeName: 'NEW_PASSWORD_REQUIRED',
          Session: answer.Session,
          ChallengeResponses: {
            USERNAME: user.Username,
            NEW_PASSWORD: password,
            SECRET_HASH: account.secretHash(user.Username),
          },
        }),
      );
    await expect(respond('short')).rejects.toMatchObject({ name: 'InvalidPasswordException' });
    const done = await respond(PASSWORD);
    expect(done.AuthenticationResult?.IdToken).toBeDefined();
    await expect(respond(PASSWORD)).rejects.toMatchObject({
      name: 'NotAuthorizedException',
      message: 'Invalid session for the user.',
    });
    expect((await signIn(user.Username)).AuthenticationResult).toBeDefined();
  });

  it('aws-facts §6.2: creating a user again is UsernameExistsException', async () => {
    const user = await createUser();
    await expect(
      account.userPool.send(new AdminCreateUserCommand({ ...user, TemporaryPassword: TEMPORARY })),
    ).rejects.toMatchObject({ name: 'UsernameExistsException' });
  });

  it('aws-facts §6.3: a disabled user is refused, with password and refresh token, till enabled', async () => {
    const user = await createConfirmed();
    const { AuthenticationResult } = await signIn(user.Username);
    await account.userPool.send(new AdminDisableUserCommand(user));
    const disabled = { name: 'NotAuthorizedException', message: 'User is disabled.' };
    await expect(signIn(user.Username)).rejects.toMatchObject(disabled);
    await expect(refresh(user.Username, AuthenticationResult?.RefreshToken)).rejects.toMatchObject(
      disabled,
    );
    await account.userPool.send(new AdminEnableUserCommand(user));
    expect((await signIn(user.Username)).AuthenticationResult).toBeDefined();
  });

  it('aws-facts §6.3: a user who must reset is PasswordResetRequiredException', async () => {
    const user = await createConfirmed();
    await account.userPool.send(new AdminResetUserPasswordCommand(user));
    await expect(signIn(user.Username)).rejects.toMatchObject({
      name: 'PasswordResetRequiredException',
    });
    const found = await account.userPool.send(new AdminGetUserCommand(user));
    expect(found).toMatchObject({ UserStatus: 'RESET_REQUIRED', Enabled: true });
    expect(found.UserCreateDate).toBeInstanceOf(Date);
  });

  it('aws-facts §6.3: a global sign-out revokes refresh and access tokens, and later ones are good', async () => {
    const user = await createConfirmed();
    const before = (await signIn(user.Username)).AuthenticationResult;
    await account.userPool.send(new AdminUserGlobalSignOutCommand(user));
    await expect(refresh(user.Username, before?.RefreshToken)).rejects.toMatchObject({
      name: 'NotAuthorizedException',
      message: 'Refresh Token has been revoked',
    });
    await expect(
      account.userPool.send(new GetUserCommand({ AccessToken: before?.AccessToken })),
    ).rejects.toMatchObject({ message: 'Access Token has been revoked' });
    const after = (await signIn(user.Username)).AuthenticationResult;
    const found = await account.userPool.send(
      new GetUserCommand({ AccessToken: after?.AccessToken }),
    );
    expect(found.Username).toBe(user.Username);
    await account.userPool.send(new GlobalSignOutCommand({ AccessToken: after?.AccessToken }));
    await expect(refresh(user.Username, after?.RefreshToken)).rejects.toMatchObject({
      message: 'Refresh Token has been revoked',
    });
  });

  it('an ID token is no access token', async () => {
    const { IdToken } = await account.signIn();
    await expect(
      account.userPool.send(new GetUserCommand({ AccessToken: IdToken })),
    ).rejects.toMatchObject({ name: 'NotAuthorizedException', message: 'Invalid Access Token' });
  });

  it('aws-facts §6.3: an unknown user is UserNotFoundException, an unknown pool ResourceNotFoundException', async () => {
    const { userPoolId } = account.ready;
    await expect(
      account.userPool.send(
        new AdminDisableUserCommand({ UserPoolId: userPoolId, Username: 'nobody' }),
      ),
    ).rejects.toMatchObject({ name: 'UserNotFoundException' });
    await expect(
      account.userPool.send(
        new AdminDisableUserCommand({ UserPoolId: 'us-east-1_Unknown00', Username: 'nobody' }),
      ),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('an administrator operation must be signed', async () => {
    const answer = await account.post(
      'AWSCognitoIdentityProviderService.AdminDisableUser',
      JSON.stringify({ UserPoolId: account.ready.userPoolId, Username: 'user-0001' }),
    );
    expect(answer).toMatchObject({
      status: 400,
      body: { __type: 'MissingAuthenticationTokenException' },
    });
  });

  it('the command of the template output shows the client secret', async () => {
    const answer = await account.userPool.send(
      new DescribeUserPoolClientCommand({
        UserPoolId: account.ready.userPoolId,
        ClientId: account.ready.clientId,
      }),
    );
    expect(answer.UserPoolClient?.ClientSecret).toBe(account.ready.clientSecret);
  });
});

it('aws-facts §6.3: a temporary password runs out', async () => {
  // Seven days, shortened to some 600 ms.
  const hasty = await TestAccount.start({ timeScale: 1_000_000, users: 0 });
  const user = { UserPoolId: hasty.ready.userPoolId, Username: 'late' };
  try {
    await hasty.userPool.send(
      new AdminCreateUserCommand({ ...user, TemporaryPassword: TEMPORARY }),
    );
    const attempt = () =>
      hasty.initiate('USER_PASSWORD_AUTH', {
        USERNAME: 'late',
        PASSWORD: TEMPORARY,
        SECRET_HASH: hasty.secretHash('late'),
      });
    await expect
      .poll(
        () =>
          attempt().then(
            () => '',
            (error: Error) => error.message,
          ),
        { timeout: 5000 },
      )
      .toBe('Temporary password has expired and must be reset by an administrator.');
  } finally {
    await hasty.stop();
  }
});
