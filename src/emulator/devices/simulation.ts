import type { LocalClient } from '../contract.ts';
import { isRecord } from '../http/input.ts';
import type { SeededNames } from '../world/seededNames.ts';
import { type Behaviour, behaviourOf, type DeviceMix, reportDelayMs } from './behaviour.ts';

export interface SimulationParts {
  /** Things `device_1` to `device_<count>`; the classic shadow and every named one of each. */
  readonly count: number;
  readonly prefix: string;
  readonly mix: DeviceMix;
  readonly names: SeededNames;
  readonly connect: (clientId: string) => LocalClient;
}

export interface SimulationStats {
  readonly devices: number;
  readonly deltas: number;
  readonly reports: number;
  readonly pending: number;
}

/**
 * Devices that receive the deltas of their shadows and report, so that convergence can be
 * watched. A newer delta of a shadow replaces an older one that still waits, as a device that
 * is busy sees only the last.
 */
export class DeviceSimulation {
  readonly #parts: SimulationParts;
  readonly #waiting = new Map<string, NodeJS.Timeout>();
  /** What a rejecting device has refused last, by topic. */
  readonly #refused = new Map<string, string>();
  readonly #unsubscribe: (() => void)[] = [];
  #deltas = 0;
  #reports = 0;

  constructor(parts: SimulationParts) {
    this.#parts = parts;
  }

  start(): void {
    for (let index = 1; index <= this.#parts.count; index += 1) {
      const thing = `${this.#parts.prefix}${index}`;
      const behaviour = behaviourOf(thing, this.#parts.mix, this.#parts.names);
      if (behaviour === 'silent') continue;
      const client = this.#parts.connect(thing);
      const shadow = `$aws/things/${thing}/shadow`;
      for (const filter of [`${shadow}/update/delta`, `${shadow}/name/+/update/delta`]) {
        this.#unsubscribe.push(
          client.subscribe(filter, (topic, payload) => {
            this.#onDelta(thing, behaviour, client, topic, payload);
          }),
        );
      }
    }
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  stats(): SimulationStats {
    return {
      devices: this.#parts.count,
      deltas: this.#deltas,
      reports: this.#reports,
      pending: this.#waiting.size,
    };
  }

  #onDelta(
    thing: string,
    behaviour: Exclude<Behaviour, 'silent'>,
    client: LocalClient,
    topic: string,
    payload: Buffer,
  ): void {
    const delta: unknown = JSON.parse(payload.toString('utf8'));
    if (!isRecord(delta) || !isRecord(delta['state'])) return;
    if (behaviour === 'rejecting') {
      // Its report leaves the difference, of which AWS tells it again.
      const refused = JSON.stringify(delta['state']);
      if (this.#refused.get(topic) === refused) return;
      this.#refused.set(topic, refused);
    }
    const reported = behaviour === 'rejecting' ? { rejected: delta['state'] } : delta['state'];
    this.#deltas += 1;
    const pace = behaviour === 'slow' ? 'slow' : 'prompt';
    const delayMs = reportDelayMs(thing, this.#deltas, pace, this.#parts.names);
    clearTimeout(this.#waiting.get(topic));
    const timer = setTimeout(() => {
      this.#waiting.delete(topic);
      this.#reports += 1;
      client.publish(
        topic.slice(0, -'/delta'.length),
        Buffer.from(JSON.stringify({ state: { reported } })),
      );
    }, delayMs);
    this.#waiting.set(topic, timer.unref());
  }
}
