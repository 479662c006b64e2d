import { setTimeout as sleep } from 'node:timers/promises';
import type { TemporaryCredentials } from '../credentials/cachedCredentials.ts';
import type { IdentityCredentials } from '../credentials/credentialSource.ts';
import type { Attachment } from '../shard/identityRecords.ts';
import type { ConnectionDependencies } from './connectionDependencies.ts';
import { type ConnectFailure, Link, type LinkListener } from './link.ts';

/** A CONNECT that waited longer than this for its place or its budget has its time written down anew. */
const STAMP_AGAIN_MS = 100;
/** AWS's quota of messages a connection; only an emulator without quotas is driven above it. */
const AWS_MESSAGES_PER_SECOND = 100;

/** The steps from credentials to a link, of one identity. */
export class ConnectSteps {
  readonly #identityId: string;
  readonly #deps: ConnectionDependencies;
  /** When our last CONNECT was accepted: it may have been long under way since it was granted. */
  #acceptedAt = Number.NEGATIVE_INFINITY;

  constructor(identityId: string, deps: ConnectionDependencies) {
    this.#identityId = identityId;
    this.#deps = deps;
  }

  /**
   * Attaches the IoT policy unless that was done once: never again, not even after a denial, which
   * would undo a deliberate revocation.
   * @returns when it was attached. @throws DeniedError, TransientError, FencedError
   */
  async attach(
    { cognitoId }: IdentityCredentials,
    attachment: Attachment,
    signal: AbortSignal,
    onCall: () => void,
  ): Promise<number> {
    const { attacher, settings, records } = this.#deps;
    const key = `${attacher.policyName}@${settings.endpoint}`;
    if (attachment.key === key && attachment.at !== undefined) return attachment.at;
    onCall();
    await attacher.attach(cognitoId, signal);
    const attachedAt = Date.now();
    await records.writeAttachment(this.#identityId, key, attachedAt);
    return attachedAt;
  }

  /** Opens a link when it is this client id's turn, and the account's. @throws the signal's reason. */
  async open(
    clientId: string,
    credentials: TemporaryCredentials,
    listener: LinkListener,
    signal: AbortSignal,
  ): Promise<Link | ConnectFailure> {
    await this.#spacing(signal);
    const grantedAt = performance.now();
    const leave = await this.#deps.runtime.opening.enter(signal);
    try {
      await this.#deps.budgets.connect.take(1, signal);
      if (performance.now() - grantedAt > STAMP_AGAIN_MS) {
        await this.#deps.records.grantConnect(this.#identityId, 0);
      }
      const link = await this.#link(clientId, credentials, listener, signal);
      if (link instanceof Link) this.#acceptedAt = performance.now();
      return link;
    } finally {
      leave();
    }
  }

  /** Waits until this client id may connect, whoever connected it last. */
  async #spacing(signal: AbortSignal): Promise<void> {
    const { records, settings } = this.#deps;
    const ownMs = this.#acceptedAt + settings.connectSpacingMs - performance.now();
    if (ownMs > 0) await sleep(ownMs, undefined, { signal });
    let spacingMs = await records.grantConnect(this.#identityId, settings.connectSpacingMs);
    while (spacingMs > 0) {
      await sleep(spacingMs, undefined, { signal });
      spacingMs = await records.grantConnect(this.#identityId, settings.connectSpacingMs);
    }
  }

  async #link(
    clientId: string,
    credentials: TemporaryCredentials,
    listener: LinkListener,
    signal: AbortSignal,
  ): Promise<Link | ConnectFailure> {
    const { runtime, settings, presence } = this.#deps;
    const { host, port, keepAliveSeconds, names, messagesPerSecond } = settings;
    const awsFlowControl = messagesPerSecond <= AWS_MESSAGES_PER_SECOND;
    const { region } = names;
    const target = { host, port, region, keepAliveSeconds, awsFlowControl, clientId };
    const watch = await presence?.watchFor(this.#identityId);
    const listening = watch?.inFrontOf(listener) ?? listener;
    const link = await Link.open(runtime, target, credentials, listening, signal);
    if (link instanceof Link) watch?.begin(link);
    return link;
  }
}
