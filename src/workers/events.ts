import { EventEmitter } from 'node:events';
import type { AttemptOutcome, DeliveryEnd } from '../shared/domain/webhook.ts';
import type {
  ConfirmLevel,
  ConnectionState,
  DisconnectKind,
  FailureCode,
  FinalState,
  Gate,
  Stage,
  WaitReason,
} from '../shared/domain/sets.ts';
import { messageOf } from '../shared/errors/courierError.ts';
import type { Logger } from '../shared/observability/logger.ts';

/** Everything that happens in a worker, for metrics and logs. Durations are milliseconds. */
export interface WorkerEvents {
  'update:published': { sinceSubmitMs: number };
  'update:settled': {
    state: FinalState;
    code: FailureCode | undefined;
    confirm: ConfirmLevel;
    sinceSubmitMs: number;
    /** From the publish to the answer; absent where nothing was published. */
    answerMs: number | undefined;
  };
  'update:gave-back': { reason: WaitReason };
  'update:fenced': { shard: number };
  'authorization:failed': { stage: Stage; gate: Gate; identityId: string; message: string };
  'credentials:obtained': {
    via: 'cache' | 'password' | 'refresh_token' | 'get_id' | 'get_credentials';
    outcome: 'ok' | 'denied' | 'failed';
  };
  'policy:attached': { outcome: 'ok' | 'denied' | 'failed' };
  'connection:state': { from: ConnectionState; to: ConnectionState; identityId: string };
  'connection:lost': { kind: DisconnectKind; identityId: string; reason: string };
  'connection:refused': { kind: 'connack' | 'upgrade' | 'network'; reason: string };
  'identity:parked': { identityId: string; stage: Stage; gate: Gate };
  'identity:released': { identityId: string };
  'lease:taken': { shard: number; epoch: string };
  'lease:released': { shard: number };
  'lease:lost': { shard: number };
  'sweep:found': { orphans: number; late: number };
  'consumer:restarted': { shard: number; ready: number; stuckForMs: number };
  'presence:event': { effect: 'applied' | 'outdated' | 'malformed' | 'lost' };
  'redis:renewed': Record<string, never>;
  'webhook:attempted': { outcome: AttemptOutcome; tookMs: number };
  'webhook:ended': {
    outcome: Exclude<DeliveryEnd, 'crowded_out'>;
    webhook: string;
    delivery: string;
    error: string | undefined;
  };
  'webhook:crowded-out': { count: number };
  'webhook:disabled': { webhook: string; reason: string };
}

type EventName = keyof WorkerEvents;

/** A typed emitter whose subscribers cannot harm the work: what they throw is logged. */
export class EventBus {
  readonly #emitter = new EventEmitter();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  on<Name extends EventName>(name: Name, subscriber: (event: WorkerEvents[Name]) => void): void {
    this.#emitter.on(name, (event: WorkerEvents[Name]) => {
      try {
        subscriber(event);
      } catch (error) {
        this.#log.error({ event: name, error: messageOf(error) }, 'an event subscriber failed');
      }
    });
  }

  emit<Name extends EventName>(name: Name, event: WorkerEvents[Name]): void {
    this.#emitter.emit(name, event);
  }
}
