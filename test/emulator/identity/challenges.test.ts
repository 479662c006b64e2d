import { RespondToAuthChallengeCommand } from '@aws-sdk/client-cognito-identity-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { totpCode } from '../../../src/emulator/userPool/totp.ts';
import { TestAccount } from './account.ts';
import { Control } from './control.ts';

const PASSWORD = 'Strong-passw0rd';
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

let account: TestAccount;
let control: Control;
beforeAll(async () => {
  account = await TestAccount.start({ users: 1 });
  control = new Control(account.ready.endpoints.cognitoIdp);
});
afterAll(() => account.stop());

const signIn = (username: string) =>
  account.initiate('USER_PASSWORD_AUTH', {
    USERNAME: username,
    PASSWORD,
    SECRET_HASH: account.secretHash(username),
  });

const respond = (username: string, session = '', code = '') =>
  account.userPool.send(
    new RespondToAuthChallengeCommand({
      ClientId: account.ready.clientId,
      ChallengeName: 'SOFTWARE_TOKEN_MFA',
      Session: session,
      ChallengeResponses: {
        USERNAME: username,
        SOFTWARE_TOKEN_MFA_CODE: code,
        SECRET_HASH: account.secretHash(username),
      },
    }),
  );

it.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_234_567_890, '005924'],
  [20_000_000_000, '353130'],
])('RFC 6238, appendix B: the code at second %i is %s', (seconds, code) => {
  expect(totpCode(SECRET, seconds * 1000)).toBe(code);
});

describe('SOFTWARE_TOKEN_MFA', () => {
  it('aws-facts §6.3: a right password gives a challenge and no tokens, the code gives tokens', async () => {
    const username = 'with-app';
    await control.post('/actions/set-user', { username, password: PASSWORD, totpSecret: SECRET });
    const challenge = await signIn(username);
    expect(challenge.ChallengeName).toBe('SOFTWARE_TOKEN_MFA');
    expect(challenge.AuthenticationResult).toBeUndefined();
    const right = totpCode(SECRET, Date.now());
    const wrong = right === '000000' ? '000001' : '000000';
    await expect(respond(username, challenge.Session, wrong)).rejects.toMatchObject({
      name: 'CodeMismatchException',
    });
    const done = await respond(username, challenge.Session, right);
    expect(done.AuthenticationResult?.RefreshToken).toBeDefined();
  });

  it('aws-facts §6.3: a challenge session that was never opened is refused', async () => {
    await expect(respond('with-app', 'x'.repeat(30), '123456')).rejects.toMatchObject({
      name: 'NotAuthorizedException',
      message: 'Invalid session for the user.',
    });
  });

  it('aws-facts §6.3: a challenge session ends after three minutes, shortened by the time scale', async () => {
    const hasty = await TestAccount.start({ users: 0, timeScale: 1_000_000 });
    try {
      const username = 'late';
      await new Control(hasty.ready.endpoints.iot).post('/actions/set-user', {
        username,
        password: PASSWORD,
        totpSecret: SECRET,
      });
      const { Session } = await hasty.initiate('USER_PASSWORD_AUTH', {
        USERNAME: username,
        PASSWORD,
        SECRET_HASH: hasty.secretHash(username),
      });
      const attempt = () =>
        hasty.userPool.send(
          new RespondToAuthChallengeCommand({
            ClientId: hasty.ready.clientId,
            ChallengeName: 'SOFTWARE_TOKEN_MFA',
            Session,
            ChallengeResponses: {
              USERNAME: username,
              SOFTWARE_TOKEN_MFA_CODE: '000000',
              SECRET_HASH: hasty.secretHash(username),
            },
          }),
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
        .toBe('Invalid session for the user, session is expired.');
    } finally {
      await hasty.stop();
    }
  });
});

it('aws-facts §6.3: an unconfirmed user is UserNotConfirmedException', async () => {
  const username = 'unconfirmed';
  await control.post('/actions/set-user', { username, password: PASSWORD, status: 'UNCONFIRMED' });
  await expect(signIn(username)).rejects.toMatchObject({
    name: 'UserNotConfirmedException',
    message: 'User is not confirmed.',
  });
});
