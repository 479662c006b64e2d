import type { Identity } from '../../shared/domain/identity.ts';
import type { ConnectionState, DisconnectKind } from '../../shared/domain/sets.ts';
import type { ShadowRef } from '../../shared/domain/shadow.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import { CredentialSource, type IdentityCredentials } from '../credentials/credentialSource.ts';
import { FencedError } from '../fleet/lease.ts';
import { IdentityMissingError } from '../shard/identityRecords.ts';
import type { ConnectionDependencies } from './connectionDependencies.ts';
import { ConnectSteps } from './connectSteps.ts';
import { CurrentLink } from './currentLink.ts';
import { disconnectKind, LET_GO, type LetGoKind } from './disconnectKind.ts';
import { Fights } from './fights.ts';
import { Link, type LinkDown, type LinkListener } from './link.ts';
import type { PublishRequest } from './publisher.ts';
import type { PublishOutcome } from './publishOutcome.ts';
import { isParked, type Readiness, stillConnecting, waitsFor, WITHOUT_LINK } from './readiness.ts';
import { Refusals, type Verdict } from './refusals.ts';
import { RetryGate } from './retryGate.ts';
import type { ShadowReading } from './shadowReading.ts';
import { Standing } from './standing.ts';
import { Waiters } from './waiters.ts';

const NO_LEASE_RETRY_MS = 500;

/**
 * The one connection of an identity: idle → authenticating → attaching → connecting → connected →
 * draining → closed, and aside from it backoff and quarantined. It opens on demand and decides
 * alone when to try again. At any time there is at most one attempt to open (`#opening`) and one to
 * let go (`#dropping`); the first waits for the second, or they would take the client id in turn.
 */
export class IdentityConnection {
  readonly identityId: string;
  readonly #deps: ConnectionDependencies;
  readonly #refusals: Refusals;
  readonly #steps: ConnectSteps;
  readonly #closing = new AbortController();
  readonly #waiters = new Waiters();
  readonly #fights = new Fights();
  readonly #retry = new RetryGate();
  readonly #standing: Standing;
  readonly #current: CurrentLink;
  #state: ConnectionState = 'idle';
  #source: CredentialSource | undefined;
  #opening: Promise<void> | undefined;
  #dropping: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #missing = false;
  #lastUsedAt = performance.now();
  #reportedInFlight = 0;

  constructor(identityId: string, deps: ConnectionDependencies) {
    this.identityId = identityId;
    this.#deps = deps;
    this.#refusals = new Refusals(deps.settings, deps.attacher);
    this.#steps = new ConnectSteps(identityId, deps);
    this.#standing = new Standing(identityId, deps);
    this.#current = new CurrentLink(deps);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#current.inFlight;
  }

  get credentialsExpireAt(): number | undefined {
    return this.#source?.expiresAt;
  }

  /**
   * Nothing is open or under way, and nobody asked for a while: what is worth keeping of it stands
   * in Redis, so that a worker remembers no more identities than it serves.
   */
  get forgettable(): boolean {
    const still = WITHOUT_LINK.has(this.#state) && !this.#retry.closed;
    const busy = this.#opening !== undefined || this.#dropping !== undefined;
    const unusedMs = performance.now() - this.#lastUsedAt;
    return still && !busy && unusedMs >= this.#deps.settings.idleCloseMs;
  }

  /**
   * Opens the connection if need be; waits for it at most `patienceMs`. An identity that does not
   * exist is ready: its updates end at their claim.
   */
  async ready(patienceMs: number): Promise<Readiness> {
    this.#lastUsedAt = performance.now();
    if (!this.#deps.lease.valid) return waitsFor('NO_OWNER', 'no valid lease', NO_LEASE_RETRY_MS);
    if (this.#state === 'connected') return { kind: 'ready' };
    if (this.#dropping !== undefined) return waitsFor('CONNECTING', 'renewing', NO_LEASE_RETRY_MS);
    if (await this.#standing.noticeRelease()) {
      this.#retry.open();
      // Its secret may be another one, too.
      if (this.#opening === undefined) this.#source = undefined;
    }
    const held = this.#held();
    if (held !== undefined) return held;
    await this.#waiters.wait(this.#open(false), patienceMs);
    return this.#outcome(patienceMs);
  }

  publish(request: PublishRequest): Promise<PublishOutcome> {
    this.#lastUsedAt = performance.now();
    const published = this.#up?.publish(request, () => this.#deps.lease.valid);
    if (published !== undefined) return published;
    const until = Date.now() + NO_LEASE_RETRY_MS;
    return Promise.resolve({ kind: 'unsent', reason: 'CONNECTING', detail: '', until });
  }

  /** Reads a shadow over the connection, on behalf of the update that `token` names. */
  readShadow(ref: ShadowRef, token: string): Promise<ShadowReading> {
    this.#lastUsedAt = performance.now();
    const reading = this.#up?.readShadow(ref, token);
    return reading ?? Promise.resolve({ kind: 'later', why: 'not connected' });
  }

  get #up(): CurrentLink | undefined {
    return this.#state === 'connected' ? this.#current : undefined;
  }

  /**
   * Signs in with the secret as it is now, even where the connection is up: what an earlier secret
   * gave is not used again, and a wrong one shows at once instead of at the next reconnect.
   */
  async verify(patienceMs: number): Promise<Readiness> {
    if (this.#opening !== undefined) await this.#waiters.wait(this.#opening, patienceMs);
    if (this.#opening === undefined) this.#source = undefined;
    if (this.#state !== 'connected') return this.ready(patienceMs);
    try {
      const { identity } = await this.#deps.records.read(this.identityId);
      await this.#sourceOf(identity).get(this.#closing.signal);
    } catch (error) {
      const verdict = this.#refusals.ofError(error);
      if (verdict.kind === 'park') {
        await this.#drop('not_authorized');
        await this.#conclude(verdict);
      }
    }
    return this.#outcome(patienceMs);
  }

  /** Tries to connect a parked identity; a connection that is up is renewed to see if it may be. */
  async probe(): Promise<void> {
    if (this.#dropping !== undefined || this.#retry.closed) return;
    if (this.#state === 'connected') await this.#renew('probe');
    else await this.#open(true);
  }

  /** Connects anew, or at once where it is not up: somebody asked for it. */
  async reconnect(): Promise<void> {
    const wasUp = this.#state === 'connected';
    if (wasUp) return this.#renew('requested');
    // One that is being opened may have been refused already, for what was mended since.
    await this.#opening;
    if (this.#state === 'connected') return;
    this.#retry.open();
    await this.#open(true);
  }

  /** Closes a connection that is up, or about to be, until the next update needs it. */
  async disconnect(): Promise<void> {
    await this.#opening;
    if (this.#state === 'connected') await this.#drop('requested');
  }

  /** For how long nothing was published; undefined where it is not up, or in use. */
  get idleMs(): number | undefined {
    const used = this.inFlight > 0 || this.#deps.presence?.observes(this.identityId) === true;
    if (this.#state !== 'connected' || used) return undefined;
    // Not when it was last asked for: a job asks for every identity that it ever named.
    return this.#current.unpublishedMs;
  }

  /** Makes room for another identity of this worker. */
  giveUp(): void {
    this.#drop('idle').catch(() => undefined);
  }

  /** Closes what was idle for too long, and renews what gets too old. Called now and then. */
  async maintain(): Promise<void> {
    if (this.#state !== 'connected') return;
    await this.#announce();
    const idleMs = performance.now() - this.#lastUsedAt;
    const idle = this.inFlight === 0 && idleMs >= this.#deps.settings.idleCloseMs;
    if (idle) await this.#drop('idle');
    else if (this.#current.recycleDue) await this.#renew('recycled');
    else if (await this.#source?.renewAhead(this.#closing.signal)) this.#report();
    else if (this.inFlight !== this.#reportedInFlight) this.#report();
  }

  /** Whoever waits, for the connection or to publish, waits no longer: the shard is handed over. */
  quiet(): void {
    this.#waiters.dismiss();
    this.#current.quiet();
  }

  /** Lets go of the connection for good, once what is in flight has its answer or its deadline. */
  close(): Promise<void> {
    this.#closing.abort(new Error('the connection is being closed'));
    this.#waiters.dismiss();
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Lets go at once: the lease was lost, and answers cannot be written down any more. */
  abandon(): Promise<void> {
    const closed = this.close();
    this.#current.abandon();
    return closed;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#opening, this.#source?.settled()]);
    // One that was begun by a renewal first.
    await this.#dropping;
    await this.#drop('released');
    this.#setState('closed');
  }

  #held(): Readiness | undefined {
    return this.#standing.held ?? this.#retry.held;
  }

  #outcome(patienceMs: number): Readiness {
    if (this.#missing || this.#state === 'connected') return { kind: 'ready' };
    return this.#held() ?? stillConnecting(this.#state, this.#retry.problem, patienceMs);
  }

  #open(probing: boolean): Promise<void> {
    this.#opening ??= this.#attempt(probing).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #attempt(probing: boolean): Promise<void> {
    const { signal } = this.#closing;
    try {
      await this.#dropping;
      signal.throwIfAborted();
      const { identity, attachment } = await this.#deps.records.read(this.identityId);
      const parked = isParked(identity);
      if (parked && !probing) {
        await this.#standing.adopt();
        return this.#setState('quarantined');
      }
      this.#standing.unpark();
      if (!this.#deps.slots.take(this)) return this.#retry.withoutSlot();
      this.#setState('authenticating');
      const got = await this.#sourceOf(identity).get(signal);
      const attaching = () => this.#setState('attaching');
      const attachedAt = await this.#steps.attach(got, attachment, signal, attaching);
      const credentials = await this.#sourceOf(identity).fresh(got, signal);
      this.#setState('connecting');
      await this.#connect(credentials, attachedAt, signal);
      if (this.#current.link === undefined || identity.status === 'ACTIVE') return;
      this.#standing.connected(parked);
      await this.#announce();
    } catch (error) {
      await this.#failed(error);
    }
  }

  #sourceOf(identity: Identity): CredentialSource {
    this.#source ??= new CredentialSource(identity, this.#deps.records, this.#deps.credentials);
    return this.#source;
  }

  async #connect(
    credentials: IdentityCredentials,
    attachedAt: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { lease, events } = this.#deps;
    const listener: LinkListener = {
      mayConnect: () => lease.valid,
      onMessage: (message) => this.#current.receive(message),
      onDown: (down) => this.#linkDown(down),
    };
    const { cognitoId, temporary } = credentials;
    const link = await this.#steps.open(cognitoId, temporary, listener, signal);
    if (link instanceof Link) {
      if (!signal.aborted && !link.over) return this.#connected(link);
      await link.close();
      return this.#backOff('the connection ended as soon as it was made', 0);
    }
    signal.throwIfAborted();
    events.emit('connection:refused', { kind: link.kind, reason: link.reason });
    const discardCredentials = async () => this.#source?.discardTemporary();
    const attempt = { credentials, attachedAt, signal, discardCredentials };
    await this.#conclude(await this.#refusals.ofConnect(link, attempt));
  }

  #connected(link: Link): void {
    this.#current.begin(link);
    // Whoever wanted it may have waited longer for it than it may be idle.
    this.#lastUsedAt = performance.now();
    this.#retry.succeeded();
    this.#refusals.forget();
    this.#setState('connected');
    this.#deps.onConnected(this.identityId);
  }

  /** Tried again by `maintain` where it fails; the connection is up all the same. */
  async #announce(): Promise<void> {
    const problem = await this.#standing.announce();
    if (problem !== undefined) this.#retry.problem = problem;
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#closing.signal.aborted) return;
    if (error instanceof FencedError) return this.#setState('idle');
    this.#missing = error instanceof IdentityMissingError;
    if (this.#missing) return this.#setState('idle');
    try {
      await this.#conclude(this.#refusals.ofError(error));
    } catch (thrown) {
      this.#backOff(messageOf(thrown), 0);
    }
  }

  async #conclude(verdict: Verdict): Promise<void> {
    if (verdict.kind === 'later') return this.#backOff(verdict.problem, verdict.leastMs);
    await this.#standing.park(verdict);
    this.#retry.problem = verdict.denial.message;
    this.#setState('quarantined');
    this.#standing.tellParked(verdict);
  }

  #backOff(problem: string, leastMs: number): void {
    this.#retry.backOff(problem, leastMs);
    this.#setState('backoff');
  }

  #linkDown(down: LinkDown): void {
    // One that ends before it counts as connected is told by `#connect`.
    if (this.#current.link === undefined) return;
    const kind = disconnectKind(down);
    const livedMs = this.#lost(kind, down.reason);
    if (kind !== 'taken_over' || !this.#deps.lease.valid) return this.#setState('idle');
    this.#backOff('another client connected with the same client id', this.#fights.lost(livedMs));
  }

  /** @returns how long the connection lived. */
  #lost(kind: DisconnectKind, reason: string): number {
    const livedMs = this.#current.end(kind, reason);
    this.#standing.disconnected();
    this.#deps.events.emit('connection:lost', { kind, identityId: this.identityId, reason });
    return livedMs;
  }

  #drop(kind: LetGoKind): Promise<void> {
    this.#dropping ??= this.#dropLink(kind).finally(() => {
      this.#dropping = undefined;
    });
    return this.#dropping;
  }

  async #dropLink(kind: LetGoKind): Promise<void> {
    const { link } = this.#current;
    if (link === undefined) return;
    this.#setState('draining');
    await this.#current.drained();
    // It may have ended by itself meanwhile, which is told then.
    if (this.#current.link === link) this.#lost(kind, LET_GO[kind]);
    await link.close();
    if (this.#state === 'draining') this.#setState('idle');
  }

  async #renew(kind: 'probe' | 'recycled' | 'requested'): Promise<void> {
    await this.#drop(kind);
    if (this.#held() === undefined) await this.#open(false);
  }

  #setState(to: ConnectionState): void {
    const from = this.#state;
    if (from === to || from === 'closed') return;
    this.#state = to;
    if (WITHOUT_LINK.has(to)) this.#deps.slots.release(this);
    this.#deps.events.emit('connection:state', { from, to, identityId: this.identityId });
    this.#report();
  }

  #report(): void {
    this.#reportedInFlight = this.inFlight;
    this.#deps.report(this.identityId, {
      state: this.#state,
      credentialsExpireAt: this.credentialsExpireAt,
      inFlight: this.inFlight,
      ...this.#current.view,
    });
  }
}
