/** What the broker's handlers share; `Broker` implements it. */
import { randomUUID } from 'node:crypto';
import type {
  Account,
  Authorizer,
  CognitoPrincipal,
  DeviceSettings,
  IotLog,
  IotLogEntry,
} from '../contract.ts';
import type { AccountRates } from './accountRates.ts';
import type { Connection } from './connection.ts';
import type { Message } from './encoding.ts';
import type { FaultRules } from './faults.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { BrokerLimits } from './limits.ts';
import type { RetainedMessages } from './retained.ts';
import type { Router } from './router.ts';
import type { Session } from './session.ts';

/** Where a connection comes from and whose credentials opened it. */
export interface Origin {
  /** Absent for the account's administrator. */
  readonly principal?: CognitoPrincipal;
  readonly principalId: string;
  readonly sourceIp: string;
  readonly sourcePort: number;
  readonly host: string;
}

/** Who asks something of the account; a `Connection`, or the caller of an HTTPS request. */
export interface Requester {
  /** Empty where there is none. */
  readonly clientId: string;
  /** Absent over HTTPS. */
  readonly sessionIdentifier?: string;
  readonly protocol: 'MQTT' | 'HTTP';
  readonly origin: Origin;
  /** Of this connection: shadow requests by thing that have no answer yet. */
  readonly shadowRequests?: Map<string, number> | undefined;
}

/** A publish on a topic that a service of the account listens to. */
export interface ServiceRequest {
  readonly topic: string;
  readonly payload: Buffer;
  readonly requester: Requester;
  readonly traceId: string;
}

/** A service behind reserved topics, such as the shadow service. */
export interface TopicService {
  /** The handler of a topic, or undefined where the topic is not one of its request topics. */
  handlerOf(topic: string): ((request: ServiceRequest) => void) | undefined;
}

/** A client's session, or a client inside the emulator. */
export type Subscriber = Session | ((message: Message) => void);

/** Since the start. */
export interface BrokerCounters {
  publishesIn: number;
  publishesOut: number;
  /** Above a quota, of either direction; of those that were to go out, nobody is told. */
  publishesDiscarded: number;
}

export interface BrokerCore {
  readonly account: Account;
  readonly authorizer: Authorizer;
  readonly log: IotLog;
  readonly limits: BrokerLimits;
  readonly settings: DeviceSettings;
  readonly timeScale: number;
  readonly now: () => number;
  readonly rates: AccountRates;
  readonly faults: FaultRules;
  readonly retained: RetainedMessages;
  readonly lifecycle: Lifecycle;
  readonly router: Router<Subscriber>;
  readonly sessions: Map<string, Session>;
  readonly service: TopicService;
  readonly counters: BrokerCounters;
  /** Delivers to every subscriber; `publisher` is left out where it asked not to be served. */
  route(message: Message, publisher?: Session): void;
  /** The open connection of a client id. */
  connectionOf(clientId: string): Connection | undefined;
  /** Connections of clients that are connected now. */
  connected(): number;
}

type LogDetail = Partial<Omit<IotLogEntry, 'timestamp' | 'accountId' | 'traceId'>> & {
  readonly eventType: string;
};

/** Writes a log entry about a request; INFO and Success unless `reason` says otherwise. */
export function logRequest(
  core: Pick<BrokerCore, 'log'>,
  requester: Requester,
  detail: LogDetail,
  traceId: string = randomUUID(),
): void {
  const { origin, clientId, protocol } = requester;
  const failed = detail.reason !== undefined;
  core.log.write({
    logLevel: failed ? 'ERROR' : 'INFO',
    traceId,
    status: failed ? 'Failure' : 'Success',
    protocol,
    ...(clientId === '' ? {} : { clientId }),
    principalId: origin.principalId,
    sourceIp: origin.sourceIp,
    sourcePort: origin.sourcePort,
    ...detail,
  });
}

/** Reason and details that AWS logs for anything a policy denies. */
export const AUTHORIZATION_FAILURE = {
  reason: 'AUTHORIZATION_FAILURE',
  details: 'Authorization Failure',
} as const;
