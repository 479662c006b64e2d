import { randomUUID } from 'node:crypto';
import type { EmulatorConfig } from '../config.ts';
import type { Account } from '../contract.ts';
import { IssuedCredentialStore } from '../identityPool/credentials.ts';
import { IdentityDirectory } from '../identityPool/identities.ts';
import { identityPoolService } from '../identityPool/service.ts';
import { Attachments } from '../iotControl/attachments.ts';
import { endpointRoute } from '../iotControl/endpointRoute.ts';
import { PolicyStore } from '../iotControl/policies.ts';
import { policyRoutes } from '../iotControl/policyRoutes.ts';
import { createIotControl, type IotControl } from '../iotControl/service.ts';
import type { JsonService } from '../http/jsonProtocol.ts';
import { PolicyAuthorizer } from '../policy/authorizer.ts';
import { compilePolicy } from '../policy/compiled.ts';
import { parsePolicy } from '../policy/document.ts';
import { PoliciesInForce } from '../policy/policiesInForce.ts';
import { principalFactsOf } from '../policy/principalFacts.ts';
import { Propagation } from '../policy/propagation.ts';
import type { ProvisionedAccount } from '../provision/provision.ts';
import { Lockout } from '../userPool/lockout.ts';
import { providerNameOf, type UserPoolNames } from '../userPool/model.ts';
import { RefreshTokens } from '../userPool/refreshTokens.ts';
import { userPoolService } from '../userPool/service.ts';
import { SignIn } from '../userPool/signIn.ts';
import { createSigningKey, TokenIssuer } from '../userPool/tokens.ts';
import { UserDirectory } from '../userPool/users.ts';
import { durationsOf } from './duration.ts';
import { createQuotas } from './quotas.ts';
import type { SeededNames } from './seededNames.ts';

/** Cognito, IAM and the IoT control plane of one account, wired together. */
export interface IdentitySide {
  readonly services: readonly JsonService[];
  readonly iotControl: IotControl;
  readonly users: UserDirectory;
  readonly tokens: TokenIssuer;
  readonly credentials: IssuedCredentialStore;
  readonly authorizer: PolicyAuthorizer;
}

export interface IdentitySideParts {
  readonly config: EmulatorConfig;
  readonly account: Account;
  readonly names: SeededNames;
  readonly provisioned: ProvisionedAccount;
  readonly now: () => number;
  /** `host:port` of the device side, known once it listens. */
  readonly dataEndpoint: () => string;
}

export async function createIdentitySide(parts: IdentitySideParts): Promise<IdentitySide> {
  const { config, account, names, provisioned, now } = parts;
  const durations = durationsOf(config.timeScale);
  const quotas = createQuotas({
    profile: config.quotas,
    factor: config.scaleQuotas ? config.timeScale : 1,
    now,
  });

  const pool: UserPoolNames = {
    region: account.region,
    userPoolId: provisioned.userPool.userPoolId,
    usernameStyle: config.usernameStyle ?? provisioned.userPool.usernameStyle,
  };
  const users = new UserDirectory(names, pool.usernameStyle);
  const tokens = new TokenIssuer(pool, await createSigningKey(), durations);
  const signIn = new SignIn({
    users,
    tokens,
    refreshTokens: new RefreshTokens(),
    lockout: new Lockout(durations),
    durations,
    now,
  });
  const clients = new Map(provisioned.userPool.clients.map((client) => [client.clientId, client]));

  const identities = new IdentityDirectory(names);
  const credentials = new IssuedCredentialStore(durations, now);

  const inForce = new PoliciesInForce();
  const propagation = new Propagation({
    minMs: config.propagationMinMs / config.timeScale,
    maxMs: config.propagationMaxMs / config.timeScale,
    now,
    draw: Math.random,
  });
  const authorizer = new PolicyAuthorizer({
    rolePolicies: new Map(
      [...provisioned.roles].map(([arn, role]) => [
        arn,
        role.policies.map((policy) => compilePolicy(parsePolicy(policy))),
      ]),
    ),
    inForce,
    propagation,
    principalFacts: principalFactsOf({
      identityPoolId: provisioned.identityPool.identityPoolId,
      providerName: providerNameOf(pool),
      now,
      attachedThing: () => undefined,
    }),
  });
  const policies = new PolicyStore({ account, inForce, propagation, now, newId: randomUUID });
  for (const policy of provisioned.iotPolicies) policies.create(policy.name, policy.document);
  const attachments = new Attachments(inForce, propagation);

  const authenticatedRole = provisioned.roles.get(
    provisioned.identityPool.authenticatedRoleArn ?? '',
  );
  const iotControl = createIotControl({
    account,
    routes: [
      ...policyRoutes({
        policies,
        attachments,
        authorizer,
        principalOf: (identityId) => ({
          identityId,
          roleArn: authenticatedRole?.arn ?? '',
          principalId: `${authenticatedRole?.roleId ?? ''}:CognitoIdentityCredentials`,
        }),
      }),
      endpointRoute(parts.dataEndpoint),
    ],
    verifier: {
      region: account.region,
      services: ['iot'],
      credentials,
      ...(config.administrator === undefined ? {} : { administrator: config.administrator }),
      trustForeignKeys: true,
      acceptSignedToken: false,
      now,
    },
    authorizer,
    quotas,
  });

  return {
    services: [
      userPoolService(clients, signIn, quotas),
      identityPoolService({
        pool: provisioned.identityPool,
        roles: provisioned.roles,
        identities,
        credentials,
        verifier: {
          publicKey: tokens.key.publicKey,
          now,
          isRevoked: (subject, issuedAt) => isRevoked(users, subject, issuedAt),
        },
        quotas,
      }),
    ],
    iotControl,
    users,
    tokens,
    credentials,
    authorizer,
  };
}

function isRevoked(users: UserDirectory, subject: string, issuedAtSeconds: number): boolean {
  const user = users.withSubject(subject);
  return user === undefined || !user.enabled || issuedAtSeconds * 1000 <= user.signedOutAtMs;
}
