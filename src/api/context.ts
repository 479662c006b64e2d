import DataLoader from 'dataloader';
import type { ShadowLimits } from '../shared/domain/desired.ts';
import type { ConnectionView, Identity } from '../shared/domain/identity.ts';
import type { Presence } from '../shared/domain/presence.ts';
import type { Update } from '../shared/domain/update.ts';
import type { Logger } from '../shared/observability/logger.ts';
import type { ApiTokens } from '../shared/store/apiTokens.ts';
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
  /** Aborts when the caller is gone, so that nothing waits for nobody. */
  readonly disconnected: AbortSignal;
  readonly audit: RequestAudit;
  /** Of a subscription: where its events stand. */
  readonly stream: StreamFacts;
  readonly updates: DataLoader<string, Update | undefined>;
  readonly identities: DataLoader<string, Identity | undefined>;
  readonly connections: DataLoader<Identity, ConnectionView | undefined>;
  /** By MQTT client id. */
  readonly presences: DataLoader<string, Presence>;
}

export function createContext(
  services: ApiServices,
  server: ServerContext & { readonly request: Request },
  log: Logger,
): ApiContext {
  const { reader, directory, gate, auditLog, fleetEvents, presence } = services;
  const { caller } = server;
  if (caller === undefined) throw new TypeError('a request that nobody authenticated');
  const each =
    <Key, Value>(load: (key: Key) => Promise<Value>) =>
    (keys: readonly Key[]) =>
      gate.read(() => Promise.all(keys.map(load)));
  return {
    ...services,
    caller,
    actor: caller.actor,
    facts: server.facts ?? newRequestFacts(),
    disconnected: server.request.signal,
    audit: new RequestAudit({
      auditLog,
      fleetEvents,
      gate,
      log,
      author: { ...caller, ...server.origin },
    }),
    stream: server.stream ?? { lastEventId: undefined },
    updates: new DataLoader((ids: readonly string[]) =>
      gate.read(async () => [...(await reader.findMany(ids))]),
    ),
    identities: new DataLoader(each((id: string) => directory.find(id))),
    presences: new DataLoader((ids: readonly string[]) =>
      gate.read(async () => [...(await presence.find(ids))]),
    ),
    connections: new DataLoader(each((identity: Identity) => directory.connection(identity))),
  };
}
