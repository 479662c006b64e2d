import { randomUUID } from 'node:crypto';
import type { CallerGate } from '../access/caller.ts';
import type { CognitoPrincipal } from '../contract.ts';
import type { BeforeOperation } from '../http/operationFaults.ts';
import type { PoliciesInForce } from '../policy/policiesInForce.ts';
import type { Propagation } from '../policy/propagation.ts';
import type { IdentitySettings } from '../settings/identitySettings.ts';
import type { Quotas } from '../world/quotas.ts';
import { Attachments } from './attachments.ts';
import { endpointRoute } from './endpointRoute.ts';
import { PolicyStore } from './policies.ts';
import { policyRoutes } from './policyRoutes.ts';
import { policyVersionRoutes } from './policyVersionRoutes.ts';
import { createIotResponder, type IotResponder } from './responder.ts';
import { thingRoutes } from './thingRoutes.ts';
import type { ThingRegistry } from './things.ts';

/** The IoT control plane: policies, who they are attached to, things, and its wire. */
export interface IotControl {
  readonly policies: PolicyStore;
  readonly attachments: Attachments;
  readonly things: ThingRegistry;
  readonly propagation: Propagation;
  readonly respond: IotResponder;
}

export interface IotControlParts {
  readonly gate: CallerGate;
  readonly inForce: PoliciesInForce;
  readonly propagation: Propagation;
  readonly things: ThingRegistry;
  /** The principal that an identity id stands for in TestAuthorization. */
  readonly principalOf: (identityId: string) => CognitoPrincipal;
  readonly settings: IdentitySettings;
  /** `host:port` of the device side, known once it listens. */
  readonly dataEndpoint: () => string;
  readonly before: BeforeOperation;
  readonly quotas: Quotas;
  readonly now: () => number;
}

export function createIotControl(parts: IotControlParts): IotControl {
  const { gate, inForce, propagation, things, quotas, now } = parts;
  const { account, authorizer } = gate;
  const policies = new PolicyStore({ account, inForce, propagation, now, newId: randomUUID });
  const attachments = new Attachments(inForce, propagation, parts.settings.firstAttach);
  return {
    policies,
    attachments,
    things,
    propagation,
    respond: createIotResponder({
      gate,
      before: parts.before,
      quotas,
      routes: [
        ...policyRoutes({
          policies,
          attachments,
          authorizer,
          principalOf: parts.principalOf,
          asksRole: parts.settings.testAuthorization === 'both',
        }),
        ...policyVersionRoutes(policies, attachments),
        ...thingRoutes(things),
        endpointRoute(parts.dataEndpoint),
      ],
    }),
  };
}
