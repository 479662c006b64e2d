import DataLoader from 'dataloader';
import type { ShadowLimits } from '../shared/domain/desired.ts';
import type { ConnectionView, Identity } from '../shared/domain/identity.ts';
import type { Presence } from '../shared/domain/presence.ts';
import type { Update } from '../shared/domain/update.ts';
import type { Logger } from '../shared/observability/logger.ts';
import type { ApiTokens } from '../shared/store/apiTokens.ts';
import type { AuditBuffer } from '../shared/store/auditBuffer.ts';
import type { AuditLog } from '../shared/store/auditLog.ts';
import type { AuditReader } from '../shared/store/auditReader.ts';
import type { BatchIntake } from '../shared/store/batchIntake.ts';
import type { BatchReader } from '../shared/store/batchReader.ts';
import type { BulkActions } from '../shared/store/bulkActions.ts';
import type { DeadUpdates } from '../shared/store/deadUpdates.ts';
import type { FleetEvents } from '../shared/store/fleetEvents.ts';
import type { FleetControl } from '../shared/store/fleetControl.ts';
import type { FleetTuning } from '../shared/store/fleetTuning.ts';
import type { FleetPauses } from '../shared/store/fleetPauses.ts';
import type { FleetReader } from '../shared/store/fleetReader.ts';
import type { GroupDirectory } from '../shared/store/groupDirectory.ts';
import type { IdentityDirectory } from '../shared/store/identityDirectory.ts';
import type { IdentityEditor } from '../shared/store/identityEditor.ts';
import type { IdentityIndex } from '../shared/store/identityIndex.ts';
import type { PresenceReader } from '../shared/store/presenceReader.ts';
import type { SearchIndex } from '../shared/store/searchIndex.ts';
import type { ShadowReads } from '../shared/store/shadowReads.ts';
import type { UpdateControl } from '../shared/store/updateControl.ts';
import type { UpdateFacets } from '../shared/store/updateFacets.ts';
import type { UpdateIntake } from '../shared/store/updateIntake.ts';
import type { UpdateReader } from '../shared/store/updateReader.ts';
import type { WebhookDeliveries } from '../shared/store/webhookDeliveries.ts';
import type { Webhooks } from '../shared/store/webhooks.ts';
import type { AllowedNetworks } from '../shared/webhooks/networks.ts';
import { RequestAudit } from './audit.ts';
import type { Caller } from './caller.ts';
import type { EventFeed } from './events/eventFeed.ts';
import type { StreamFacts } from './events/eventStreamResponse.ts';
import type { Subscriptions } from './events/subscriptions.ts';
import type { ApiMetrics } from './metrics.ts';
import { newRequestFacts, type RequestFacts, type ServerContext } from './requestFacts.ts';
import type { StoreGate } from './storeGate.ts';
import type { UpdateEnds } from './updateEnds.ts';

/** The stores and settings that operations use; the same for every request. */
export interface ApiServices {
  readonly intake: UpdateIntake;
  readonly batchIntake: BatchIntake;
  readonly batches: BatchReader;
  readonly bulkActions: BulkActions;
  readonly reader: UpdateReader;
  readonly control: UpdateControl;
  readonly search: SearchIndex;
  readonly facets: UpdateFacets;
  readonly dead: DeadUpdates;
  readonly directory: IdentityDirectory;
  readonly identityIndex: IdentityIndex;
  readonly identityEditor: IdentityEditor;
  readonly groups: GroupDirectory;
  readonly fleet: FleetReader;
  readonly fleetControl: FleetControl;
  readonly tuning: FleetTuning;
  readonly pauses: FleetPauses;
  readonly presence: PresenceReader;
  readonly apiTokens: ApiTokens;
  readonly auditLog: AuditLog;
  readonly auditBuffer: AuditBuffer;
  readonly auditReader: AuditReader;
  readonly ends: UpdateEnds;
  readonly shadowReads: ShadowReads;
  readonly webhooks: Webhooks;
  readonly deliveries: WebhookDeliveries;
  readonly webhookNetworks: AllowedNetworks;
  readonly fleetEvents: FleetEvents;
  readonly feed: EventFeed;
  readonly subscriptions: Subscriptions;
  readonly gate: StoreGate;
  readonly limits: ShadowLimits;
  readonly metrics: ApiMetrics;
}

/** What a resolver gets. Loaders live as long as one request and batch what it asks for. */
export interface ApiContext extends ApiServices {
  /** Who asks; `actor` is the name that is recorded with what is done. */
  readonly caller: Caller;
  readonly actor: string;
  readonly facts: RequestFacts;
  /**
   * Aborts when nobody wants to know any more: the caller hung up, or was answered that the time is
   * over. What waits or reads in a loop stops then; what a mutation has begun to change is finished.
   */
  readonly signal: AbortSignal;
  readonly audit: RequestAudit;
  /** Of a subscription: where its events stand. */
  readonly stream: StreamFacts;
  readonly updates: DataLoader<string, Update | undefined>;
  readonly identities: DataLoader<string, Identity | undefined>;
  readonly connections: DataLoader<Identity, ConnectionView | undefined>;
  /** By MQTT client id. */
  readonly presences: DataLoader<string, Presence>;
}

/**
 * Makes the contexts of requests. They inherit the services instead of holding them: there are many,
 * and an object with as many properties of its own costs more to make than most mutations to check.
 * Likewise a loader is made when something is loaded.
 */
export function contextMaker(
  services: ApiServices,
  log: Logger,
): (server: ServerContext & { readonly request: Request }) => ApiContext {
  const { reader, directory, gate, auditLog, auditBuffer, fleetEvents, presence } = services;
  const many = <Key, Value>(load: (keys: readonly Key[]) => Promise<readonly Value[]>) =>
    new DataLoader<Key, Value>((keys) => gate.read(async () => [...(await load(keys))]));
  const each = <Key, Value>(load: (key: Key) => Promise<Value>) =>
    many((keys: readonly Key[]) => Promise.all(keys.map(load)));

  class RequestContext implements Omit<ApiContext, keyof ApiServices> {
    readonly caller: Caller;
    readonly actor: string;
    readonly facts: RequestFacts;
    readonly audit: RequestAudit;
    readonly stream: StreamFacts;
    readonly #request: Request;
    #over: AbortController | undefined;
    #updates: ApiContext['updates'] | undefined;
    #identities: ApiContext['identities'] | undefined;
    #connections: ApiContext['connections'] | undefined;
    #presences: ApiContext['presences'] | undefined;

    constructor(server: ServerContext & { readonly request: Request }) {
      const { caller, origin } = server;
      if (caller === undefined) throw new TypeError('a request that nobody authenticated');
      this.caller = caller;
      this.actor = caller.actor;
      this.facts = server.facts ?? newRequestFacts();
      const { actor, role, source } = caller;
      const author = { actor, role, source, ...origin };
      this.audit = new RequestAudit({ auditLog, auditBuffer, fleetEvents, gate, log, author });
      this.stream = server.stream ?? { lastEventId: undefined };
      this.#request = server.request;
    }

    get signal() {
      this.#over ??= this.#untilOver();
      return this.#over.signal;
    }

    #untilOver(): AbortController {
      const over = new AbortController();
      const end = () => over.abort();
      const { signal } = this.#request;
      signal.addEventListener('abort', end, { once: true });
      // What was slow may only now come to wait for something.
      if (signal.aborted || this.facts.answered === true) end();
      this.facts.endWork = end;
      return over;
    }

    get updates() {
      this.#updates ??= many((ids: readonly string[]) => reader.findMany(ids));
      return this.#updates;
    }

    get identities() {
      this.#identities ??= each((id: string) => directory.find(id));
      return this.#identities;
    }

    get connections() {
      this.#connections ??= each((identity: Identity) => directory.connection(identity));
      return this.#connections;
    }

    get presences() {
      this.#presences ??= many((ids: readonly string[]) => presence.find(ids));
      return this.#presences;
    }
  }
  Object.setPrototypeOf(RequestContext.prototype, services);
  return (server) => new RequestContext(server) as RequestContext & ApiServices;
}
