import { type DrainerDependencies, LaneDrainer } from '../delivery/laneDrainer.ts';
import type { ShardConnections } from './shardConnections.ts';

/** The drainers of a shard's lanes: one each, as long as somebody waits for it. */
export class LaneDrainers {
  readonly #deps: DrainerDependencies;
  readonly #drainers = new Map<string, LaneDrainer>();

  constructor(
    connections: ShardConnections,
    deps: Omit<DrainerDependencies, 'connection' | 'denied'>,
  ) {
    this.#deps = {
      ...deps,
      connection: (identityId) => connections.of(identityId),
      denied: (identityId, verdict) => connections.denied(identityId, verdict),
    };
  }

  get none(): boolean {
    return this.#drainers.size === 0;
  }

  of(laneId: string): LaneDrainer {
    const forget = () => this.#drainers.delete(laneId);
    const drainer = this.#drainers.get(laneId) ?? new LaneDrainer(laneId, this.#deps, forget);
    this.#drainers.set(laneId, drainer);
    return drainer;
  }
}
