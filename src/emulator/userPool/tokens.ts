import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { Durations } from '../world/duration.ts';
import type { AppClient, User, UserPoolNames } from './model.ts';
import { providerNameOf } from './model.ts';

/** The pool's RS256 key pair and its public half as a JWK. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

export interface IssuedTokens {
  readonly idToken: string;
  readonly accessToken: string;
  /** Seconds for which the access token is valid. */
  readonly expiresIn: number;
}

/** A new key as a private JWK, which is also how it is kept. */
export async function createPrivateJwk(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'RS256', use: 'sig' };
}

/** Throws where the JWK is no RSA private key. */
export async function readSigningKey(privateJwk: JWK): Promise<SigningKey> {
  const { kty, n, e, kid = '' } = privateJwk;
  const jwk = { alg: 'RS256', kid, use: 'sig', kty: 'RSA', n: n ?? '', e: e ?? '' };
  const [privateKey, publicKey] = await Promise.all([
    importJWK(privateJwk, 'RS256'),
    importJWK(jwk, 'RS256'),
  ]);
  if (kty !== 'RSA' || privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) {
    throw new TypeError('The signing key must be an RSA private key');
  }
  return { kid, privateKey, publicKey, jwk };
}

/** Issues ID and access tokens with the claims of Cognito's developer guide ("Using tokens"). */
export class TokenIssuer {
  readonly issuer: string;
  readonly key: SigningKey;
  readonly #durations: Durations;

  constructor(pool: UserPoolNames, key: SigningKey, durations: Durations) {
    this.issuer = `https://${providerNameOf(pool)}`;
    this.key = key;
    this.#durations = durations;
  }

  /** `originJti` names the sign-in that the tokens descend from; revoking it revokes them all. */
  async issue(
    user: User,
    client: AppClient,
    session: { readonly originJti: string; readonly eventId: string; readonly authTime: number },
    nowMs: number,
  ): Promise<IssuedTokens> {
    const issuedAt = Math.floor(nowMs / 1000);
    const shared = {
      sub: user.sub,
      iss: this.issuer,
      origin_jti: session.originJti,
      event_id: session.eventId,
      auth_time: session.authTime,
      iat: issuedAt,
    };
    const [idToken, accessToken] = await Promise.all([
      this.#sign({
        ...user.attributes,
        ...shared,
        aud: client.clientId,
        token_use: 'id',
        'cognito:username': user.username,
        exp: issuedAt + this.#seconds(client.idTokenMs),
        jti: randomUUID(),
      }),
      this.#sign({
        ...shared,
        client_id: client.clientId,
        token_use: 'access',
        scope: 'aws.cognito.signin.user.admin',
        username: user.username,
        exp: issuedAt + this.#seconds(client.accessTokenMs),
        jti: randomUUID(),
      }),
    ]);
    return { idToken, accessToken, expiresIn: this.#seconds(client.accessTokenMs) };
  }

  /** Tokens count in whole seconds, so a scaled life is never shorter than one. */
  #seconds(ms: number): number {
    return Math.max(1, Math.ceil(this.#durations.scale(ms) / 1000));
  }

  #sign(claims: Record<string, unknown>): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ kid: this.key.kid, alg: 'RS256' })
      .sign(this.key.privateKey);
  }
}
