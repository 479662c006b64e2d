import {
  AttachPolicyCommand,
  type IoTClient,
  ListAttachedPoliciesCommand,
} from '@aws-sdk/client-iot';
import type { Budgets } from '../budgets/budgets.ts';
import type { EventBus } from '../events.ts';
import { awsCall } from './awsCall.ts';
import { signInError, TransientError } from './signInError.ts';

/** The IoT policy of an identity, attached and looked up with the worker's own role. */
export class PolicyAttacher {
  readonly policyName: string;
  readonly #iot: IoTClient;
  readonly #budgets: Budgets;
  readonly #events: EventBus;

  constructor(iot: IoTClient, policyName: string, budgets: Budgets, events: EventBus) {
    this.#iot = iot;
    this.policyName = policyName;
    this.#budgets = budgets;
    this.#events = events;
  }

  /** @throws DeniedError, TransientError, or the signal's reason. */
  async attach(cognitoId: string, signal: AbortSignal): Promise<void> {
    await this.#budgets.attachPolicy.take(1, signal);
    try {
      const command = new AttachPolicyCommand({ policyName: this.policyName, target: cognitoId });
      await awsCall(signal, (abortSignal) => this.#iot.send(command, { abortSignal }));
      this.#events.emit('policy:attached', { outcome: 'ok' });
    } catch (thrown) {
      const error = signInError('ATTACH_POLICY', thrown);
      const outcome = error instanceof TransientError ? 'failed' : 'denied';
      this.#events.emit('policy:attached', { outcome });
      throw error;
    }
  }

  /**
   * Whether the policy is attached now; undefined where that cannot be found out (the worker's
   * role may not list, or AWS does not answer).
   */
  async isAttached(cognitoId: string, signal: AbortSignal): Promise<boolean | undefined> {
    await this.#budgets.listPolicies.take(1, signal);
    try {
      const command = new ListAttachedPoliciesCommand({ target: cognitoId, pageSize: 100 });
      const { policies = [] } = await awsCall(signal, (abortSignal) =>
        this.#iot.send(command, { abortSignal }),
      );
      return policies.some((policy) => policy.policyName === this.policyName);
    } catch {
      return undefined;
    }
  }
}
