import { randomUUID } from 'node:crypto';
import type { CallerGate } from '../access/caller.ts';
import type { EmulatorConfig } from '../config.ts';
import type { Account } from '../contract.ts';
import { IssuedCredentialStore } from '../identityPool/credentials.ts';
import { IdentityDirectory } from '../identityPool/identities.ts';
import { identityPoolService } from '../identityPool/service.ts';
import { createIotControl, type IotControl } from '../iotControl/iotControl.ts';
import { ThingRegistry } from '../iotControl/things.ts';
import type { BeforeOperation } from '../http/operationFaults.ts';
import type { JsonService } from '../http/jsonProtocol.ts';
import { PolicyAuthorizer } from '../policy/authorizer.ts';
import { compilePolicy } from '../policy/compiled.ts';
import { parsePolicy } from '../policy/document.ts';
import { PoliciesInForce } from '../policy/policiesInForce.ts';
import { principalFactsOf } from '../policy/principalFacts.ts';
import { Propagation } from '../policy/propagation.ts';
import type { ProvisionedAccount } from '../provision/provision.ts';
import { providerNameOf } from '../userPool/model.ts';
import type { SigningKey } from '../userPool/tokens.ts';
import { DEFAULT_IDENTITY_SETTINGS } from '../settings/identitySettings.ts';
import { createUserPool, type UserPool } from '../userPool/userPool.ts';
import { durationsOf } from './duration.ts';
import { createQuotas, type Quotas } from './quotas.ts';
import type { SeededNames } from './seededNames.ts';

/** Cognito, IAM and the IoT control plane of one account, wired together. */
export interface IdentitySide {
  readonly userPool: UserPool;
  readonly identities: IdentityDirectory;
  readonly credentials: IssuedCredentialStore;
  readonly iotControl: IotControl;
  readonly authorizer: PolicyAuthorizer;
  readonly quotas: Quotas;
  readonly services: readonly JsonService[];
}

export interface IdentitySideParts {
  readonly config: EmulatorConfig;
  readonly account: Account;
  readonly names: SeededNames;
  readonly provisioned: ProvisionedAccount;
  readonly key: SigningKey;
  /** The clock of AWS, which tokens, credentials and signatures are dated by. */
  readonly now: () => number;
  /** `host:port` of the device side, known once it listens. */
  readonly dataEndpoint: () => string;
  readonly before: BeforeOperation;
}

export function createIdentitySide(parts: IdentitySideParts): IdentitySide {
  const { config, account, names, provisioned, now } = parts;
  const { identityPool, roles } = provisioned;
  const settings = { ...DEFAULT_IDENTITY_SETTINGS, ...config.settings };
  const durations = durationsOf(config.timeScale);
  const quotas = createQuotas({
    profile: config.quotas,
    factor: config.scaleQuotas ? config.timeScale : 1,
    now,
  });
  const pool = {
    region: account.region,
    userPoolId: provisioned.userPool.userPoolId,
    usernameStyle: config.usernameStyle ?? provisioned.userPool.usernameStyle,
  };

  const inForce = new PoliciesInForce();
  const propagation = new Propagation({
    minMs: config.propagationMinMs / config.timeScale,
    maxMs: config.propagationMaxMs / config.timeScale,
    now: Date.now,
    draw: Math.random,
  });
  const things = new ThingRegistry(account, randomUUID, () => propagation.changeNow(() => {}));
  const authorizer = new PolicyAuthorizer({
    rolePolicies: new Map(
      [...roles].map(([arn, role]) => [
        arn,
        role.policies.map((policy) => compilePolicy(parsePolicy(policy))),
      ]),
    ),
    inForce,
    propagation,
    principalFacts: principalFactsOf({
      identityPoolId: identityPool.identityPoolId,
      providerName: providerNameOf(pool),
      now,
      attachedThing: (clientId, identityId) => things.attachedThing(clientId, identityId),
    }),
  });

  const credentials = new IssuedCredentialStore(durations, now);
  const gateOf = (service: string, refusalStatus: 400 | 403): CallerGate => ({
    verifier: {
      region: account.region,
      services: [service],
      credentials,
      ...(config.administrator === undefined ? {} : { administrator: config.administrator }),
      trustForeignKeys: true,
      acceptSignedToken: false,
      now,
    },
    refusalStatus,
    account,
    authorizer,
  });

  const userPool = createUserPool({
    names: pool,
    provisioned: provisioned.userPool,
    accountId: account.accountId,
    seeded: names,
    key: parts.key,
    gate: gateOf('cognito-idp', 400),
    quotas,
    durations,
    secretHashMessage: settings.secretHashMessage,
    now,
  });
  const identities = new IdentityDirectory(names);
  const authenticated = roles.get(identityPool.authenticatedRoleArn ?? '');
  const iotControl = createIotControl({
    gate: gateOf('iot', 403),
    inForce,
    propagation,
    things,
    principalOf: (identityId) => ({
      identityId,
      roleArn: authenticated?.arn ?? '',
      principalId: `${authenticated?.roleId ?? ''}:CognitoIdentityCredentials`,
    }),
    settings,
    dataEndpoint: parts.dataEndpoint,
    before: parts.before,
    quotas,
    now,
  });

  return {
    userPool,
    identities,
    credentials,
    iotControl,
    authorizer,
    quotas,
    services: [
      userPool.service,
      identityPoolService({
        pool: identityPool,
        roles,
        identities,
        credentials,
        verifier: {
          publicKey: userPool.tokens.key.publicKey,
          now,
          isRevoked: (claims) => {
            const user = userPool.users.withSubject(claims.sub ?? '');
            return user?.enabled !== true || userPool.refreshTokens.isRevoked(claims['origin_jti']);
          },
        },
        quotas,
      }),
    ],
  };
}
