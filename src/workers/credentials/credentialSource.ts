import type { Stage } from '../../shared/domain/sets.ts';
import type { Budgets } from '../budgets/budgets.ts';
import type { EventBus, WorkerEvents } from '../events.ts';
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

export interface IdentityCredentials {
  readonly cognitoId: string;
  readonly temporary: TemporaryCredentials;
}

/** Refresh tokens live 30 days by default; the cache outlives no token that it holds. */
const CACHE_TTL_MS = 30 * 24 * 3600 * 1000;
/** An ID token must outlive the call that it is sent with. */
const TOKEN_MARGIN_MS = 30_000;

/**
 * The credentials of one identity: from memory, from Redis's encrypted cache, or by signing in.
 * Calls are single-flight. Asked for on every connect, so that none is made with stale ones.
 */
export class CredentialSource {
  readonly #identityId: string;
  readonly #username: string;
  readonly #records: IdentityRecords;
  readonly #deps: CredentialDependencies;
  #known: CachedCredentials | undefined;
  #inFlight: Promise<IdentityCredentials> | undefined;

  constructor(
    identity: { id: string; username: string; cognitoId: string | undefined },
    records: IdentityRecords,
    deps: CredentialDependencies,
  ) {
    this.#identityId = identity.id;
    this.#username = identity.username;
    this.#records = records;
    this.#deps = deps;
  }

  /** When the temporary credentials in hand expire, epoch milliseconds. */
  get expiresAt(): number | undefined {
    return this.#known?.temporary?.expiresAt;
  }

  /**
   * Credentials that are good for a connect now.
   * @throws DeniedError, TransientError, FencedError, or the signal's reason.
   */
  get(signal: AbortSignal): Promise<IdentityCredentials> {
    this.#inFlight ??= this.#obtain(signal).finally(() => {
      this.#inFlight = undefined;
    });
    return this.#inFlight;
  }

  /** Forgets the temporary credentials, for example because an upgrade was refused with them. */
  async discardTemporary(): Promise<void> {
    if (this.#known === undefined) return;
    this.#known = { ...this.#known, temporary: undefined };
    await this.#store();
  }

  async #obtain(signal: AbortSignal): Promise<IdentityCredentials> {
    if (this.#known === undefined) {
      this.#known = await this.#records.cachedCredentials(this.#identityId);
      if (this.#known !== undefined) this.#report('cache', 'ok');
    }
    const usable = this.#usable();
    if (usable !== undefined) return usable;
    const signedIn = await this.#signedIn(signal);
    const cognitoId = signedIn.cognitoId ?? (await this.#cognitoId(signedIn, signal));
    const temporary = await this.#call('IDENTITY_POOL', 'get_credentials', signal, () =>
      this.#deps.identityPool.credentials(cognitoId, signedIn.idToken),
    );
    this.#known = { ...signedIn, cognitoId, temporary };
    await this.#store();
    return { cognitoId, temporary };
  }

  #usable(): IdentityCredentials | undefined {
    const known = this.#known;
    if (known?.temporary === undefined || known.cognitoId === undefined) return undefined;
    const stale = known.temporary.expiresAt - this.#deps.refreshAheadMs <= Date.now();
    return stale ? undefined : { cognitoId: known.cognitoId, temporary: known.temporary };
  }

  /** A valid ID token: the one in hand, one for the refresh token, or one for the password. */
  async #signedIn(signal: AbortSignal): Promise<CachedCredentials> {
    const known = this.#known;
    if (known !== undefined && known.idTokenExpiresAt - TOKEN_MARGIN_MS > Date.now()) return known;
    const tokens = (await this.#refreshed(known, signal)) ?? (await this.#passwordSignIn(signal));
    return {
      idToken: tokens.idToken,
      idTokenExpiresAt: tokens.idTokenExpiresAt,
      poolUsername: tokens.poolUsername,
      refreshToken: tokens.refreshToken ?? known?.refreshToken,
      cognitoId: known?.cognitoId,
    };
  }

  async #refreshed(
    known: CachedCredentials | undefined,
    signal: AbortSignal,
  ): Promise<PoolTokens | undefined> {
    const refreshToken = known?.refreshToken;
    if (known === undefined || refreshToken === undefined) return undefined;
    try {
      return await this.#call('USER_POOL', 'refresh_token', signal, () =>
        this.#deps.userPool.refresh(known.poolUsername, refreshToken),
      );
    } catch (error) {
      // A refresh token that ran out or was revoked is no denial while there is a password.
      if (error instanceof DeniedError && (await this.#password()) !== undefined) return undefined;
      throw error;
    }
  }

  async #passwordSignIn(signal: AbortSignal): Promise<PoolTokens> {
    const secret = await this.#records.secret(this.#identityId);
    if ('password' in secret) {
      return this.#call('USER_POOL', 'password', signal, () =>
        this.#deps.userPool.signIn(this.#username, secret.password),
      );
    }
    return this.#call('USER_POOL', 'refresh_token', signal, () =>
      this.#deps.userPool.refresh(this.#username, secret.refreshToken),
    );
  }

  async #password(): Promise<string | undefined> {
    const secret = await this.#records.secret(this.#identityId);
    return 'password' in secret ? secret.password : undefined;
  }

  async #cognitoId(signedIn: CachedCredentials, signal: AbortSignal): Promise<string> {
    const cognitoId = await this.#call('IDENTITY_POOL', 'get_id', signal, () =>
      this.#deps.identityPool.identityId(signedIn.idToken),
    );
    const holder = await this.#records.claimCognitoId(cognitoId, this.#identityId);
    if (holder !== this.#identityId) {
      throw new DeniedError(
        {
          stage: 'IDENTITY_POOL',
          gate: 'DUPLICATE_IDENTITY',
          message: `${this.#username} is the Cognito identity ${cognitoId}, which ${holder} was registered for already.`,
          remedy:
            'Use that identity: two registrations of one Cognito user would fight over its client id.',
        },
        true,
      );
    }
    await this.#records.write(this.#identityId, { cognitoId });
    return cognitoId;
  }

  async #store(): Promise<void> {
    if (this.#known === undefined) return;
    await this.#records.writeCredentials(this.#identityId, this.#known, CACHE_TTL_MS);
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
