/**
 * The Device Shadow service: the same operations for MQTT and HTTPS. What is accepted is published
 * on the shadow's topics whichever way it came; refusals only answer MQTT requests on MQTT.
 */
import type { LedgerEntry } from '../contract.ts';
import {
  acceptedDocument,
  deletedDocument,
  deltaDocument,
  documentsDocument,
  getDocument,
  snapshot,
} from './documents.ts';
import { noShadow, SHADOW_ERRORS, type ShadowError } from './errors.ts';
import type { UnnumberedEntry, UpdateLedger } from './ledger.ts';
import { parseEmptyable, parseUpdate } from './request.ts';
import type { ShadowAddress, ShadowStore } from './store.ts';
import { shadowPrefix } from './topics.ts';

/** How the service reaches subscribers. */
export interface ShadowPublisher {
  /** Whether anyone subscribes; what nobody gets is not built. */
  hasSubscribers(topic: string): boolean;
  publish(topic: string, document: string): void;
  /** Publishes an answer (accepted or rejected), which a fault may hold back or swallow. */
  answer(topic: string, document: string, clientId: string, onSent?: () => void): void;
  /** Counts what the service publishes by itself against the account's rate. */
  charge(publishes: number): void;
}

/** Who asks. */
export interface ShadowClient {
  /** Empty where there is none. */
  readonly clientId: string;
  /** Absent over HTTPS. */
  readonly sessionIdentifier?: string;
  /** Called once the answer is on its way. */
  readonly onAnswered?: () => void;
}

/** Accepted, delta and documents, which count as publishes of their own (aws-facts 1.2). */
const PUBLISHES_BY_UPDATE = 3;

export type ShadowOutcome =
  | { readonly ok: true; readonly document: string; readonly version: number }
  | { readonly ok: false; readonly error: ShadowError; readonly clientToken?: string };

export interface ShadowServiceOptions {
  readonly store: ShadowStore;
  readonly ledger: UpdateLedger;
  readonly publisher: ShadowPublisher;
  readonly maxDepth: number;
  readonly now: () => number;
  /** Per-thing and account rates; undefined where quotas are off. */
  readonly quota: ShadowQuota | undefined;
  readonly onUpdate?: (entry: LedgerEntry) => void;
}

export interface ShadowQuota {
  admit(thing: string, nowMs: number): boolean;
}

export class ShadowService {
  readonly store: ShadowStore;
  readonly ledger: UpdateLedger;
  readonly #options: ShadowServiceOptions;

  constructor(options: ShadowServiceOptions) {
    this.store = options.store;
    this.ledger = options.ledger;
    this.#options = options;
  }

  update(address: ShadowAddress, payload: Buffer, client: ShadowClient): ShadowOutcome {
    const { now, publisher, maxDepth } = this.#options;
    const nowMs = now();
    const parsed = parseUpdate(payload, maxDepth);
    if (!parsed.ok) return parsed;
    const { request } = parsed;
    const { clientToken } = request;
    const echo = clientToken === undefined ? {} : { clientToken };
    if (!this.#admit(address, nowMs)) {
      return { ok: false, error: SHADOW_ERRORS.tooManyRequests, ...echo };
    }
    const prefix = shadowPrefix(address);
    const wantsDocuments = publisher.hasSubscribers(`${prefix}/update/documents`);
    const previous = wantsDocuments ? snapshot(this.store.find(address)) : '';
    const shadow = this.store.update(address, request, payload.length);
    if ('code' in shadow) return { ok: false, error: shadow, ...echo };
    const stamp = { timestamp: Math.floor(nowMs / 1000), clientToken };
    const { version } = shadow;
    this.#witness(address, client, nowMs, request, version);
    const document = acceptedDocument(request, version, stamp);
    publisher.charge(PUBLISHES_BY_UPDATE);
    publisher.answer(`${prefix}/update/accepted`, document, client.clientId, client.onAnswered);
    if (publisher.hasSubscribers(`${prefix}/update/delta`)) {
      const delta = deltaDocument(shadow, stamp);
      if (delta !== undefined) publisher.publish(`${prefix}/update/delta`, delta);
    }
    if (wantsDocuments) {
      const documents = documentsDocument(previous, snapshot(shadow), stamp);
      publisher.publish(`${prefix}/update/documents`, documents);
    }
    return { ok: true, document, version };
  }

  get(address: ShadowAddress, payload: Buffer): ShadowOutcome {
    const nowMs = this.#options.now();
    const parsed = parseEmptyable(payload);
    if (!parsed.ok) return parsed;
    const { clientToken } = parsed.request;
    const echo = clientToken === undefined ? {} : { clientToken };
    if (!this.#admit(address, nowMs)) {
      return { ok: false, error: SHADOW_ERRORS.tooManyRequests, ...echo };
    }
    const shadow = this.store.find(address);
    if (!shadow) {
      return { ok: false, error: noShadow(address.shadow ?? address.thing), ...echo };
    }
    const stamp = { timestamp: Math.floor(nowMs / 1000), clientToken };
    const document = getDocument(shadow, stamp);
    return { ok: true, document, version: shadow.version };
  }

  delete(address: ShadowAddress, payload: Buffer, client: ShadowClient): ShadowOutcome {
    const nowMs = this.#options.now();
    const parsed = parseEmptyable(payload);
    if (!parsed.ok) return parsed;
    const { clientToken, version: wanted } = parsed.request;
    const echo = clientToken === undefined ? {} : { clientToken };
    if (!this.#admit(address, nowMs)) {
      return { ok: false, error: SHADOW_ERRORS.tooManyRequests, ...echo };
    }
    const found = this.store.find(address);
    if (!found) return { ok: false, error: noShadow(address.shadow ?? address.thing), ...echo };
    if (wanted !== undefined && wanted !== found.version) {
      return { ok: false, error: SHADOW_ERRORS.versionConflict, ...echo };
    }
    const { version } = found;
    this.store.delete(address);
    const stamp = { timestamp: Math.floor(nowMs / 1000), clientToken };
    const document = deletedDocument(version, stamp);
    const topic = `${shadowPrefix(address)}/delete/accepted`;
    this.#options.publisher.answer(topic, document, client.clientId, client.onAnswered);
    return { ok: true, document, version };
  }

  #admit(address: ShadowAddress, nowMs: number): boolean {
    return this.#options.quota?.admit(address.thing, nowMs) ?? true;
  }

  #witness(
    address: ShadowAddress,
    client: ShadowClient,
    receivedAtMs: number,
    request: { desired?: unknown; reported?: unknown; clientToken: string | undefined },
    version: number,
  ): void {
    // Fields are added one by one: this runs for every update, where spreads would be felt.
    const { thing, shadow } = address;
    const entry: UnnumberedEntry = { sequence: 0, thing, version, receivedAtMs };
    if (shadow !== undefined) entry.shadow = shadow;
    if (client.clientId !== '') entry.clientId = client.clientId;
    if (client.sessionIdentifier !== undefined) entry.sessionIdentifier = client.sessionIdentifier;
    if (request.clientToken !== undefined) entry.clientToken = request.clientToken;
    if (request.desired !== undefined) entry.desired = request.desired;
    if (request.reported !== undefined) entry.reported = request.reported;
    this.ledger.add(entry);
    this.#options.onUpdate?.(entry);
  }
}
