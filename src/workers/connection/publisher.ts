import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Denial } from '../../shared/domain/denial.ts';
import type { ConfirmLevel } from '../../shared/domain/sets.ts';
import { type ShadowRef, shadowTopic } from '../../shared/domain/shadow.ts';
import { messageOf } from '../../shared/errors/courierError.ts';
import type { Budgets } from '../budgets/budgets.ts';
import { Answers, type ShadowAnswer } from './answers.ts';
import { type AwsNames, publishDenied, shadowDenied, subscribeDenied } from './denials.ts';
import type { IncomingMessage, Link } from './link.ts';
import { Pacer } from './pacer.ts';
import type { PublishOutcome } from './publishOutcome.ts';
import type { ShadowReading } from './shadowReading.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Suspicion } from './suspicion.ts';
import { type ThingPace, ThingPacers } from './thingPacers.ts';

export interface PublishRequest extends ShadowRef {
  /** The client token: the same for every try of an update. At most 64 bytes. */
  readonly token: string;
  /** The desired document as JSON. */
  readonly desired: string;
  readonly expectedVersion: number | undefined;
  readonly confirm: ConfirmLevel;
}

export interface PublisherSettings {
  readonly names: AwsNames;
  /** Messages in both directions a second. */
  readonly messagesPerSecond: number;
  readonly thingRequestsPerSecond: number;
  readonly answerTimeoutMs: number;
}

const NOT_AUTHORIZED = 0x87;
/** A publish that must wait longer than this steps aside instead of holding its job's slot. */
const PATIENCE_MS = 1000;
const ROOM_RETRY_MS = 250;

/** Publishes updates over one link and says how each ended. Lives as long as its link. */
export class Publisher {
  readonly #link: Link;
  readonly #settings: PublisherSettings;
  readonly #budgets: Budgets;
  readonly #suspicion: Suspicion;
  readonly #answers = new Answers();
  readonly #subscriptions: Subscriptions;
  readonly #pacer: Pacer;
  readonly #things: ThingPacers;
  readonly #inFlight = new Set<(outcome: PublishOutcome) => void>();
  /** Ends what waits to be sent. */
  readonly #waits = new AbortController();
  #isDown = false;
  #onEmpty: (() => void)[] = [];

  constructor(link: Link, settings: PublisherSettings, budgets: Budgets, suspicion: Suspicion) {
    this.#link = link;
    this.#settings = settings;
    this.#budgets = budgets;
    this.#suspicion = suspicion;
    this.#subscriptions = new Subscriptions(link);
    this.#pacer = new Pacer(settings.messagesPerSecond, settings.messagesPerSecond / 10);
    this.#things = new ThingPacers(settings.thingRequestsPerSecond);
    // Every publish that waits listens; Node would warn of a leak from the eleventh on.
    setMaxListeners(0, this.#waits.signal);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  onMessage(message: IncomingMessage): void {
    this.#answers.deliver(message.topic, message.payload);
  }

  /** Resolves when nothing is in flight any more; each publish has a deadline of its own. */
  async drained(): Promise<void> {
    while (this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty.push(resolve);
      });
    }
  }

  /** Begins nothing more, and gives back what has not gone out; what has gets its answer yet. */
  quiet(): void {
    this.#waits.abort(new Error('the shard is handed over'));
  }

  /** The link is gone: whatever is in flight may or may not have been applied. */
  down(why: string): void {
    this.#isDown = true;
    this.#waits.abort(new Error(why));
    for (const finish of this.#inFlight) finish({ kind: 'unknown', why });
  }

  async publish(request: PublishRequest, mayPublish: () => boolean): Promise<PublishOutcome> {
    const pace = this.#things.of(request.thing);
    const limited = this.#limited(pace);
    if (limited !== undefined) return limited;
    pace.enter();
    try {
      return await this.#admitted(request, pace, mayPublish);
    } catch (error) {
      // Only waits are aborted here, so nothing was sent.
      const { aborted, reason } = this.#waits.signal;
      if (!aborted) throw error;
      return unsent(this.#isDown ? 'CONNECTING' : 'NO_OWNER', messageOf(reason), 0);
    } finally {
      pace.leave();
    }
  }

  #limited(pace: ThingPace): PublishOutcome | undefined {
    const connection = this.#pacer.waitMs();
    if (connection > PATIENCE_MS) {
      return unsent('RATE_LIMITED', 'messages of one connection', connection / 2);
    }
    const thing = pace.waitMs();
    if (thing > PATIENCE_MS) return unsent('RATE_LIMITED', 'requests to one thing', thing / 2);
    const account = this.#budgets.shadow.estimateMs;
    if (account > PATIENCE_MS) {
      return unsent('RATE_LIMITED', 'shadow requests of the account', account / 2);
    }
    return undefined;
  }

  async #admitted(
    request: PublishRequest,
    pace: ThingPace,
    mayPublish: () => boolean,
  ): Promise<PublishOutcome> {
    const topic = `${shadowTopic(request)}/update`;
    const answered = request.confirm === 'ACCEPTED';
    // Nothing is awaited that need not be: most publishes have all that they need at once.
    if (answered && !this.#subscriptions.pinSubscribed(topic)) {
      const problem = await this.#subscribe(request, topic);
      if (problem !== undefined) return problem;
    }
    try {
      // Where the shadow's answers are subscribed to, one comes whether it is awaited or not.
      const messages = this.#subscriptions.has(topic) ? 2 : 1;
      const waitMs = Math.max(this.#pacer.take(messages), pace.take());
      const { signal } = this.#waits;
      if (!this.#budgets.shadow.takeNow(1)) await this.#budgets.shadow.take(1, signal);
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
      signal.throwIfAborted();
      if (!mayPublish()) return unsent('NO_OWNER', 'the lease is being renewed', ROOM_RETRY_MS);
      return await this.#send(request, topic);
    } finally {
      if (answered) this.#subscriptions.unpin(topic);
    }
  }

  async #subscribe(request: PublishRequest, topic: string): Promise<PublishOutcome | undefined> {
    if (!this.#subscriptions.has(topic)) {
      // Asked before the account's budget is spent on it.
      if (this.#subscriptions.full) return noRoom();
      const account = this.#budgets.subscribe.estimateMs;
      if (account > PATIENCE_MS) {
        return unsent('RATE_LIMITED', 'subscriptions of the account', account / 2);
      }
      await this.#budgets.subscribe.take(2, this.#waits.signal);
    }
    const outcome = await this.#subscriptions.pin(topic);
    switch (outcome.kind) {
      case 'subscribed':
        return undefined;
      case 'full':
        return noRoom();
      case 'failed':
        return unsent('BACKOFF', `subscribing failed: ${outcome.reason}`, PATIENCE_MS);
      case 'denied': {
        const denial = subscribeDenied(this.#settings.names, outcome.filter);
        return { kind: 'denied', denial, ...this.#suspect(request) };
      }
      default:
        return outcome satisfies never;
    }
  }

  /**
   * Reads a shadow with `get`; `token` names the request that it is read for. Not paced as updates
   * are: it is asked once in a long while.
   */
  async readShadow(ref: ShadowRef, token: string): Promise<ShadowReading> {
    const { signal } = this.#waits;
    const topic = `${shadowTopic(ref)}/get`;
    try {
      if (!this.#subscriptions.has(topic)) await this.#budgets.subscribe.take(2, signal);
      const pinned = await this.#subscriptions.pin(topic);
      switch (pinned.kind) {
        case 'subscribed':
          break;
        case 'denied':
          return refusedBy(subscribeDenied(this.#settings.names, pinned.filter));
        case 'full':
          return { kind: 'later', why: 'no room for a subscription' };
        case 'failed':
          return { kind: 'later', why: pinned.reason };
        default:
          return pinned satisfies never;
      }
      try {
        const waitMs = Math.max(this.#pacer.take(2), this.#things.of(ref.thing).take());
        await this.#budgets.shadow.take(1, signal);
        if (waitMs > 0) await sleep(waitMs, undefined, { signal });
        return await this.#get(topic, `${token}_get`);
      } finally {
        this.#subscriptions.unpin(topic);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      return { kind: 'later', why: messageOf(signal.reason) };
    }
  }

  #get(topic: string, token: string): Promise<ShadowReading> {
    return new Promise((resolve) => {
      const finish = (reading: ShadowReading) => {
        if (!this.#inFlight.delete(end)) return;
        clearTimeout(deadline);
        this.#answers.forget(token);
        resolve(reading);
        if (this.#inFlight.size === 0) for (const wake of this.#onEmpty.splice(0)) wake();
      };
      const end = (outcome: PublishOutcome) =>
        finish({ kind: 'later', why: outcome.kind === 'unknown' ? outcome.why : outcome.kind });
      const { answerTimeoutMs } = this.#settings;
      const deadline = setTimeout(() => {
        finish({ kind: 'later', why: `no answer within ${answerTimeoutMs} ms` });
      }, answerTimeoutMs);
      this.#inFlight.add(end);
      this.#answers.expect(token, (answer) => finish(readingOf(answer, topic)));
      this.#link.publish(topic, JSON.stringify({ clientToken: token })).then(
        (reasonCode) => {
          if (reasonCode === NOT_AUTHORIZED) {
            finish(refusedBy(publishDenied(this.#settings.names, topic)));
          } else if (reasonCode >= 0x80) {
            finish({ kind: 'later', why: `PUBACK reason code ${reasonCode}` });
          }
        },
        (error: unknown) => finish({ kind: 'later', why: messageOf(error) }),
      );
    });
  }

  /** Ends with the shadow service's answer, a refusal, the link's end or the deadline. */
  #send(request: PublishRequest, topic: string): Promise<PublishOutcome> {
    const sentAt = performance.now();
    const since = () => performance.now() - sentAt;
    let pubackMs: number | undefined;
    return new Promise((resolve) => {
      const finish = (outcome: PublishOutcome) => {
        // Once: a puback that comes late must not take the answer away from a later try, whose
        // token is the same.
        if (!this.#inFlight.delete(finish)) return;
        clearTimeout(deadline);
        this.#answers.forget(request.token);
        resolve(outcome);
        if (this.#inFlight.size === 0) for (const wake of this.#onEmpty.splice(0)) wake();
      };
      const { answerTimeoutMs } = this.#settings;
      const deadline = setTimeout(() => {
        finish({ kind: 'unknown', why: `no answer within ${answerTimeoutMs} ms` });
      }, answerTimeoutMs);
      this.#inFlight.add(finish);
      this.#answers.expect(request.token, (answer) => {
        finish(this.#answered(request, topic, answer, pubackMs, since()));
      });
      this.#link.publish(topic, payloadOf(request)).then(
        (reasonCode) => {
          pubackMs = since();
          if (reasonCode === NOT_AUTHORIZED) {
            const denial = publishDenied(this.#settings.names, topic);
            finish({ kind: 'denied', denial, ...this.#suspect(request) });
          } else if (reasonCode >= 0x80) finish({ kind: 'refused', reasonCode });
          else if (request.confirm === 'PUBACK') {
            this.#suspicion.accepted(request);
            finish({ kind: 'published', pubackMs });
          }
        },
        (error: unknown) => finish({ kind: 'unknown', why: messageOf(error) }),
      );
    });
  }

  #answered(
    request: PublishRequest,
    topic: string,
    answer: ShadowAnswer,
    pubackMs: number | undefined,
    answerMs: number,
  ): PublishOutcome {
    if (answer.kind === 'accepted') {
      this.#suspicion.accepted(request);
      return { kind: 'accepted', version: answer.version, pubackMs, answerMs };
    }
    const { code, message } = answer;
    if (code === 401 || code === 403) {
      const denial = shadowDenied(topic, code, message);
      return { kind: 'denied', denial, suspect: false, probe: false };
    }
    return { kind: 'rejected', code, message, answerMs };
  }

  #suspect(request: PublishRequest): { suspect: boolean; probe: boolean } {
    const verdict = this.#suspicion.denied(request);
    return { suspect: verdict !== 'final', probe: verdict === 'probe' };
  }
}

/** The shadow service's codes that may be gone at the next try. */
const TEMPORARY = new Set([429, 500, 503]);

function refusedBy(denial: Denial): ShadowReading {
  return { kind: 'refused', why: denial.message, denial };
}

function readingOf(answer: ShadowAnswer, topic: string): ShadowReading {
  if (answer.kind === 'accepted') return { ...answer, kind: 'document' };
  const { code, message } = answer;
  if (code === 404) return { kind: 'missing', why: message };
  if (code === 401 || code === 403) return refusedBy(shadowDenied(topic, code, message));
  const why = `rejected with ${code}: ${message}`;
  return { kind: TEMPORARY.has(code) ? 'later' : 'refused', why };
}

function noRoom(): PublishOutcome {
  return unsent('RATE_LIMITED', 'subscriptions of one connection', ROOM_RETRY_MS);
}

function unsent(
  reason: Extract<PublishOutcome, { kind: 'unsent' }>['reason'],
  detail: string,
  inMs: number,
): PublishOutcome {
  return { kind: 'unsent', reason, detail, until: Date.now() + Math.ceil(inMs) };
}

function payloadOf(request: PublishRequest): string {
  const version =
    request.expectedVersion === undefined ? '' : `,"version":${request.expectedVersion}`;
  return `{"state":{"desired":${request.desired}},"clientToken":${JSON.stringify(request.token)}${version}}`;
}
