import {
  type CognitoIdentityProviderClient,
  GetTokensFromRefreshTokenCommand,
  type GetTokensFromRefreshTokenCommandOutput,
  InitiateAuthCommand,
  type InitiateAuthCommandOutput,
} from '@aws-sdk/client-cognito-identity-provider';
import { decodeJwt } from 'jose';
import type { Denial } from '../../shared/domain/denial.ts';
import { awsCall } from './awsCall.ts';
import { secretHash } from './secretHash.ts';

/** What a sign-in yields. Times: epoch milliseconds. */
export interface PoolTokens {
  readonly idToken: string;
  readonly idTokenExpiresAt: number;
  /**
   * Absent on a refresh without rotation: the one in use stays valid. With rotation this one
   * replaces it, and must be stored before anything else is done with these tokens.
   */
  readonly refreshToken: string | undefined;
  readonly poolUsername: string;
}

/** Cognito asked for something that only a person can give. */
export class ChallengeError extends Error {
  readonly denial: Denial;

  constructor(challenge: string) {
    super(`The user pool asks for ${challenge}.`);
    this.denial = {
      stage: 'USER_POOL',
      gate: 'USER_POOL_CHALLENGE',
      message: `The user pool answered with the challenge ${challenge} instead of tokens.`,
      remedy:
        challenge === 'NEW_PASSWORD_REQUIRED'
          ? 'Set a permanent password (AdminSetUserPassword with Permanent), then give it to the identity with replaceIdentitySecret.'
          : 'Turn the challenge off for this user (MFA above all), then release the identity.',
    };
  }
}

export class UserPool {
  readonly #client: CognitoIdentityProviderClient;
  readonly #clientId: string;
  readonly #clientSecret: string | undefined;
  readonly #rotation: boolean;

  /** `rotation`: the app client rotates refresh tokens, and refuses REFRESH_TOKEN_AUTH. */
  constructor(
    client: CognitoIdentityProviderClient,
    clientId: string,
    clientSecret: string | undefined,
    rotation = false,
  ) {
    this.#rotation = rotation;
    this.#client = client;
    this.#clientId = clientId;
    this.#clientSecret = clientSecret;
  }

  /** Whether a refresh uses up the token that it is made with. */
  get rotates(): boolean {
    return this.#rotation;
  }

  /** @throws the AWS SDK's exceptions, ChallengeError */
  signIn(username: string, password: string, signal: AbortSignal): Promise<PoolTokens> {
    const parameters = { USERNAME: username, PASSWORD: password };
    return this.#initiate('USER_PASSWORD_AUTH', username, parameters, signal);
  }

  /**
   * The pool's own username is what SECRET_HASH needs, and an alias is not; where it is not known
   * yet, the call that takes the client's secret instead does the same.
   * @throws the AWS SDK's exceptions, ChallengeError
   */
  async refresh(
    poolUsername: string | undefined,
    refreshToken: string,
    signal: AbortSignal,
  ): Promise<PoolTokens> {
    if (this.#rotation || poolUsername === undefined) {
      const command = new GetTokensFromRefreshTokenCommand({
        RefreshToken: refreshToken,
        ClientId: this.#clientId,
        ClientSecret: this.#clientSecret,
      });
      const output = await awsCall(signal, (abortSignal) =>
        this.#client.send(command, { abortSignal }),
      );
      return tokensOf(output, poolUsername ?? '');
    }
    const parameters = { REFRESH_TOKEN: refreshToken };
    return this.#initiate('REFRESH_TOKEN_AUTH', poolUsername, parameters, signal);
  }

  async #initiate(
    flow: 'USER_PASSWORD_AUTH' | 'REFRESH_TOKEN_AUTH',
    username: string,
    parameters: Record<string, string>,
    signal: AbortSignal,
  ): Promise<PoolTokens> {
    const secret = this.#clientSecret;
    const hash =
      secret === undefined ? {} : { SECRET_HASH: secretHash(secret, username, this.#clientId) };
    const command = new InitiateAuthCommand({
      AuthFlow: flow,
      ClientId: this.#clientId,
      AuthParameters: { ...parameters, ...hash },
    });
    const output = await awsCall(signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    return tokensOf(output, username);
  }
}

function tokensOf(
  output: InitiateAuthCommandOutput | GetTokensFromRefreshTokenCommandOutput,
  username: string,
): PoolTokens {
  if ('ChallengeName' in output && output.ChallengeName !== undefined) {
    throw new ChallengeError(output.ChallengeName);
  }
  const idToken = output.AuthenticationResult?.IdToken;
  if (idToken === undefined) throw new Error('Cognito answered without an ID token');
  const claims = decodeJwt(idToken);
  const poolUsername = claims['cognito:username'];
  return {
    idToken,
    idTokenExpiresAt: (claims.exp ?? 0) * 1000,
    refreshToken: output.AuthenticationResult?.RefreshToken,
    poolUsername: typeof poolUsername === 'string' ? poolUsername : username,
  };
}
