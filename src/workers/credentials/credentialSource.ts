import type { Stage } from '../../shared/domain/sets.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { Budgets } from '../budgets/budgets.ts';
import type { EventBus, WorkerEvents } from '../events.ts';
import { FencedError } from '../fleet/lease.ts';
import type { IdentityRecords } from '../shard/identityRecords.ts';
import type { CachedCredentials, TemporaryCredentials } from './cachedCredentials.ts';
import type { IdentityPool } from './identityPool.ts';
import { DeniedError, signInError, TransientError } from './signInError.ts';
import type { PoolTokens, UserPool } from './userPool.ts';

export interface CredentialDependencies {
  readonly userPool: UserPool;
  readonly identityPool: IdentityPool;
  readonly budgets: Budgets;
  readonly events: EventBus;
  /** How long before their expiry credentials count as stale. */
  readonly refreshAheadMs: number;
}

/** Whose credentials; `cognitoId` once it is known, which is for good. */
export interface KnownIdentity {
  readonly id: string;
  readonly username: string;
  readonly cognitoId?: string | undefined;
}

export interface IdentityCredentials {
  readonly cognitoId: string;
  readonly temporary: TemporaryCredentials;
}

/** Refresh tokens live 30 days by default; the cache outlives no token that it holds. */
const CACHE_TTL_MS = 30 * 24 * 3600 * 1000;
/** An ID token must outlive the call that it is sent with. */
const TOKEN_MARGIN_MS = 30_000;
const RENEWAL_RETRY_MS = 15_000;
/** What connecting takes at most, as a rule. */
const CONNECT_MS = 1000;

/**
 * The credentials of one identity: from memory, from Redis's encrypted cache, or by signing in.
 * Calls are single-flight. Asked for on every connect, so that none is made with stale ones.
 */
export class CredentialSource {
  readonly #identity: KnownIdentity;
  readonly #records: IdentityRecords;
  readonly #deps: CredentialDependencies;
  /** So that identities which signed in together do not all renew together. */
  readonly #jitter = 1 + Math.random() / 2;
  #known: CachedCredentials | undefined;
  #inFlight: Promise<IdentityCredentials> | undefined;
  #renewNotBefore = 0;

  constructor(identity: KnownIdentity, records: IdentityRecords, deps: CredentialDependencies) {
    this.#identity = identity;
    this.#records = records;
    this.#deps = deps;
  }

  /** When the temporary credentials in hand expire, epoch milliseconds. */
  get expiresAt(): number | undefined {
    return this.#known?.temporary?.expiresAt;
  }

  /** These; or newer ones, where a wait for a budget has outlasted them. */
  async fresh(got: IdentityCredentials, signal: AbortSignal): Promise<IdentityCredentials> {
    const soonMs = Math.min(this.#deps.refreshAheadMs, CONNECT_MS);
    return got.temporary.expiresAt > Date.now() + soonMs ? got : this.get(signal);
  }

  /**
   * Credentials that are good for a connect now.
   * @throws DeniedError, TransientError, FencedError, or the signal's reason.
   */
  get(signal: AbortSignal): Promise<IdentityCredentials> {
    return this.#singleFlight(() => this.#obtain(signal, this.#deps.refreshAheadMs));
  }

  /**
   * Renews what expires soon, so that the next connect has good ones. A failure is tried again
   * later; a refusal is not, since Cognito locks users out for wrong passwords: the next connect,
   * which parks the identity, asks once more.
   * @returns whether the credentials in hand are others now.
   */
  async renewAhead(signal: AbortSignal): Promise<boolean> {
    const before = this.expiresAt;
    const aheadMs = this.#deps.refreshAheadMs * this.#jitter;
    const now = Date.now();
    if (before === undefined || before - aheadMs > now || this.#renewNotBefore > now) return false;
    try {
      await this.#singleFlight(() => this.#obtain(signal, aheadMs));
    } catch (error) {
      const refused = error instanceof DeniedError;
      this.#renewNotBefore = refused ? Number.POSITIVE_INFINITY : now + RENEWAL_RETRY_MS;
    }
    return this.expiresAt !== before;
  }

  /** Resolves when nothing is under way any more, whatever came of it. */
  async settled(): Promise<void> {
    await this.#inFlight?.catch(() => undefined);
  }

  /** Forgets the temporary credentials, for example because an upgrade was refused with them. */
  async discardTemporary(): Promise<void> {
    if (this.#known === undefined) return;
    this.#known = { ...this.#known, temporary: undefined };
    await this.#store();
  }

  #singleFlight(obtain: () => Promise<IdentityCredentials>): Promise<IdentityCredentials> {
    this.#inFlight ??= obtain().finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  async #obtain(signal: AbortSignal, aheadMs: number): Promise<IdentityCredentials> {
    this.#known ??= await this.#cached();
    const known = this.#known;
    const usable = usableOf(known, aheadMs);
    if (usable !== undefined) return usable;
    if (known !== undefined && known.idTokenExpiresAt - TOKEN_MARGIN_MS > Date.now()) {
      try {
        return await this.#exchange(known, signal);
      } catch (error) {
        // A token from before may have been revoked; whether the user is refused, a new one tells.
        if (!(error instanceof DeniedError)) throw error;
      }
    }
    return this.#exchange(await this.#signIn(known, signal), signal);
  }

  /** What cannot be read, signing in again mends. */
  async #cached(): Promise<CachedCredentials | undefined> {
    try {
      const cached = await this.#records.cachedCredentials(this.#identity.id);
      if (cached !== undefined) this.#report('cache', 'ok');
      return cached;
    } catch (error) {
      if (!(error instanceof CourierError)) throw error;
      this.#report('cache', 'failed');
      return undefined;
    }
  }

  /** Temporary credentials for an ID token. */
  async #exchange(tokens: CachedCredentials, signal: AbortSignal): Promise<IdentityCredentials> {
    const cognitoId =
      tokens.cognitoId ?? this.#identity.cognitoId ?? (await this.#cognitoId(tokens, signal));
    const temporary = await this.#call('IDENTITY_POOL', 'get_credentials', signal, () =>
      this.#deps.identityPool.credentials(cognitoId, tokens.idToken, signal),
    );
    this.#known = { ...tokens, cognitoId, temporary };
    this.#renewNotBefore = 0;
    await this.#store();
    return { cognitoId, temporary };
  }

  /** A new ID token, for the refresh token or for the secret. */
  async #signIn(
    known: CachedCredentials | undefined,
    signal: AbortSignal,
  ): Promise<CachedCredentials> {
    const tokens =
      (await this.#refreshed(known, signal)) ?? (await this.#withSecret(known, signal));
    this.#known = {
      idToken: tokens.idToken,
      idTokenExpiresAt: tokens.idTokenExpiresAt,
      poolUsername: tokens.poolUsername,
      refreshToken: tokens.refreshToken ?? known?.refreshToken,
      cognitoId: known?.cognitoId,
    };
    // One that was rotated is the only one that is good from now on: it must outlive what follows.
    if (tokens.refreshToken !== undefined) await this.#store();
    return this.#known;
  }

  async #refreshed(
    known: CachedCredentials | undefined,
    signal: AbortSignal,
  ): Promise<PoolTokens | undefined> {
    const refreshToken = known?.refreshToken;
    if (known === undefined || refreshToken === undefined) return undefined;
    try {
      return await this.#refresh(known.poolUsername, refreshToken, signal);
    } catch (error) {
      // A refresh token that ran out or was revoked is no denial while there is another secret.
      if (!(error instanceof DeniedError)) throw error;
      return undefined;
    }
  }

  /** Signs in with the secret; one that was replaced meanwhile gets its turn before a refusal. */
  async #withSecret(
    known: CachedCredentials | undefined,
    signal: AbortSignal,
  ): Promise<PoolTokens> {
    const { id, username } = this.#identity;
    const { userPool } = this.#deps;
    for (;;) {
      const secret = await this.#records.secret(id);
      try {
        return await ('password' in secret
          ? this.#call('USER_POOL', 'password', signal, () =>
              userPool.signIn(username, secret.password, signal),
            )
          : this.#withToken(known, secret, signal));
      } catch (error) {
        if (!(error instanceof DeniedError)) throw error;
        const now = await this.#records.secret(id);
        if (JSON.stringify(now) === JSON.stringify(secret)) throw error;
      }
    }
  }

  /**
   * For a user that was registered with a refresh token, which is its secret. Where Cognito gives
   * another one, that is the secret from now on; it is written under the lease alone, so that of
   * two owners only the present one's counts.
   */
  async #withToken(
    known: CachedCredentials | undefined,
    secret: { readonly refreshToken: string },
    signal: AbortSignal,
  ): Promise<PoolTokens> {
    const { refreshToken } = secret;
    const tokens = await this.#refresh(known?.poolUsername, refreshToken, signal);
    if (tokens.refreshToken !== undefined) {
      const next = { refreshToken: tokens.refreshToken };
      await this.#records.replaceSecret(this.#identity.id, secret, next);
    }
    return { ...tokens, refreshToken: undefined };
  }

  /**
   * A rotated token is used up by being sent, and the answer holds the only good one: whoever may
   * not write that down sends nothing, and an answer is waited for even where nobody else waits.
   */
  #refresh(
    poolUsername: string | undefined,
    refreshToken: string,
    signal: AbortSignal,
  ): Promise<PoolTokens> {
    const { userPool } = this.#deps;
    return this.#call('USER_POOL', 'refresh_token', signal, () => {
      if (!userPool.rotates) return userPool.refresh(poolUsername, refreshToken, signal);
      this.#records.assertOwned();
      // The call has a deadline of its own. Not one signal for all: calls would leave listeners.
      const nobodyGivesUp = new AbortController().signal;
      return userPool.refresh(poolUsername, refreshToken, nobodyGivesUp);
    });
  }

  async #cognitoId(signedIn: CachedCredentials, signal: AbortSignal): Promise<string> {
    const cognitoId = await this.#call('IDENTITY_POOL', 'get_id', signal, () =>
      this.#deps.identityPool.identityId(signedIn.idToken, signal),
    );
    const { id, username } = this.#identity;
    const holder = await this.#records.claimCognitoId(cognitoId, id);
    if (holder !== id) {
      throw new DeniedError({
        stage: 'IDENTITY_POOL',
        gate: 'DUPLICATE_IDENTITY',
        message: `${username} is the Cognito identity ${cognitoId}, which ${holder} was registered for already.`,
        remedy:
          'Use that identity: two registrations of one Cognito user would fight over its client id.',
      });
    }
    await this.#records.write(id, { cognitoId });
    return cognitoId;
  }

  async #store(): Promise<void> {
    if (this.#known === undefined) return;
    await this.#records.writeCredentials(this.#identity.id, this.#known, CACHE_TTL_MS);
  }

  async #call<T>(
    stage: Stage,
    via: WorkerEvents['credentials:obtained']['via'],
    signal: AbortSignal,
    request: () => Promise<T>,
  ): Promise<T> {
    await this.#budget(via).take(1, signal);
    try {
      const result = await request();
      this.#report(via, 'ok');
      return result;
    } catch (thrown) {
      if (thrown instanceof FencedError) throw thrown;
      const error = signInError(stage, thrown);
      this.#report(via, error instanceof TransientError ? 'failed' : 'denied');
      throw error;
    }
  }

  #budget(via: WorkerEvents['credentials:obtained']['via']) {
    const { budgets } = this.#deps;
    if (via === 'get_id') return budgets.getId;
    return via === 'get_credentials' ? budgets.getCredentials : budgets.initiateAuth;
  }

  #report(
    via: WorkerEvents['credentials:obtained']['via'],
    outcome: WorkerEvents['credentials:obtained']['outcome'],
  ): void {
    this.#deps.events.emit('credentials:obtained', { via, outcome });
  }
}

function usableOf(
  known: CachedCredentials | undefined,
  aheadMs: number,
): IdentityCredentials | undefined {
  if (known?.temporary === undefined || known.cognitoId === undefined) return undefined;
  const stale = known.temporary.expiresAt - aheadMs <= Date.now();
  return stale ? undefined : { cognitoId: known.cognitoId, temporary: known.temporary };
}
