import type { CompiledPolicy } from './compiled.ts';

/**
 * What the broker's decisions see: the IoT policies and attachments that have propagated, which
 * may be behind what the control plane shows.
 */
export class PoliciesInForce {
  readonly #documents = new Map<string, CompiledPolicy>();
  readonly #attached = new Map<string, Set<string>>();
  /** Resolved lists by target; dropped on any change, rebuilt when asked for. */
  readonly #resolved = new Map<string, readonly CompiledPolicy[]>();

  setDocument(policyName: string, policy: CompiledPolicy): void {
    this.#documents.set(policyName, policy);
    this.#resolved.clear();
  }

  removeDocument(policyName: string): void {
    this.#documents.delete(policyName);
    this.#resolved.clear();
  }

  attach(target: string, policyName: string): void {
    const names = this.#attached.get(target) ?? new Set();
    names.add(policyName);
    this.#attached.set(target, names);
    this.#resolved.delete(target);
  }

  detach(target: string, policyName: string): void {
    this.#attached.get(target)?.delete(policyName);
    this.#resolved.delete(target);
  }

  of(target: string): readonly CompiledPolicy[] {
    const known = this.#resolved.get(target);
    if (known !== undefined) return known;
    const policies = [...(this.#attached.get(target) ?? [])].flatMap(
      (name) => this.#documents.get(name) ?? [],
    );
    this.#resolved.set(target, policies);
    return policies;
  }
}
