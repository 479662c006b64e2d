import type { PoliciesInForce } from '../policy/policiesInForce.ts';
import type { Propagation } from '../policy/propagation.ts';
import type { IdentitySettings } from '../settings/identitySettings.ts';
import { iotError } from './errors.ts';

/** AWS: "Policies per certificate or Amazon Cognito identity: 10", not adjustable. */
const MAX_POLICIES_PER_TARGET = 10;

/** Which IoT policies are attached to which identities, as the control plane shows it. */
export class Attachments {
  readonly #byTarget = new Map<string, Set<string>>();
  readonly #byPolicy = new Map<string, Set<string>>();
  readonly #inForce: PoliciesInForce;
  readonly #propagation: Propagation;

  readonly #firstAttach: IdentitySettings['firstAttach'];

  constructor(
    inForce: PoliciesInForce,
    propagation: Propagation,
    firstAttach: IdentitySettings['firstAttach'],
  ) {
    this.#inForce = inForce;
    this.#propagation = propagation;
    this.#firstAttach = firstAttach;
  }

  /** Idempotent. Throws LimitExceededException (410) at the eleventh policy of a target. */
  attach(policyName: string, target: string): void {
    const known = this.#byTarget.get(target);
    const policies = known ?? new Set();
    if (policies.has(policyName)) return;
    if (policies.size >= MAX_POLICIES_PER_TARGET) {
      throw iotError.limitExceeded(
        `The limit of ${MAX_POLICIES_PER_TARGET} policies for a principal is reached`,
      );
    }
    policies.add(policyName);
    this.#byTarget.set(target, policies);
    const targets = this.#byPolicy.get(policyName) ?? new Set();
    this.#byPolicy.set(policyName, targets.add(target));
    const apply = (): void => this.#inForce.attach(target, policyName);
    if (known === undefined && this.#firstAttach === 'immediate')
      this.#propagation.changeNow(apply);
    else this.#propagation.change(apply);
  }

  /** Idempotent. */
  detach(policyName: string, target: string): void {
    if (this.#byTarget.get(target)?.delete(policyName) !== true) return;
    this.#byPolicy.get(policyName)?.delete(target);
    this.#propagation.change(() => this.#inForce.detach(target, policyName));
  }

  /** Takes an attachment back, in force at once. */
  restore(policyName: string, target: string): void {
    const policies = this.#byTarget.get(target) ?? new Set();
    this.#byTarget.set(target, policies.add(policyName));
    const targets = this.#byPolicy.get(policyName) ?? new Set();
    this.#byPolicy.set(policyName, targets.add(target));
    this.#inForce.attach(target, policyName);
  }

  all(): readonly (readonly [policyName: string, target: string])[] {
    return [...this.#byTarget].flatMap(([target, names]) =>
      [...names].map((name) => [name, target] as const),
    );
  }

  policiesOf(target: string): readonly string[] {
    return [...(this.#byTarget.get(target) ?? [])];
  }

  targetsOf(policyName: string): readonly string[] {
    return [...(this.#byPolicy.get(policyName) ?? [])];
  }
}
