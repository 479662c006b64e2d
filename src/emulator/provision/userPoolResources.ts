import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../world/duration.ts';
import type { SeededNames } from '../world/seededNames.ts';
import type { AppClient, AuthFlow, PasswordPolicy, UsernameStyle } from '../userPool/model.ts';
import {
  booleanProperty,
  listProperty,
  mapProperty,
  numberProperty,
  optionalText,
  type Properties,
} from './property.ts';
import type { Stack } from './stack.ts';
import { TemplateError } from './template.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  seconds: SECOND_MS,
  minutes: MINUTE_MS,
  hours: HOUR_MS,
  days: DAY_MS,
};

export interface ProvisionedUserPool {
  readonly userPoolId: string;
  readonly usernameStyle: UsernameStyle;
  readonly passwordPolicy: PasswordPolicy;
  readonly clients: readonly AppClient[];
}

/** Reads AWS::Cognito::UserPool and its AWS::Cognito::UserPoolClient. */
export function readUserPool(stack: Stack, names: SeededNames): ProvisionedUserPool {
  const pool = stack.only('AWS::Cognito::UserPool');
  const client = stack.only('AWS::Cognito::UserPoolClient');
  return {
    userPoolId: pool.physicalId,
    // A pool that signs in by e-mail address or phone number makes its user names up.
    usernameStyle:
      listProperty(pool.properties, 'UsernameAttributes').length > 0 ? 'uuid' : 'given',
    passwordPolicy: readPasswordPolicy(pool.properties),
    clients: [readClient(client.physicalId, client.properties, names)],
  };
}

function readClient(clientId: string, properties: Properties, names: SeededNames): AppClient {
  const units = mapProperty(properties, 'TokenValidityUnits');
  const life = (kind: string, fallback: number, unit: string): number => {
    const unitMs = UNIT_MS[optionalText(units, kind) ?? unit];
    if (unitMs === undefined) throw new TemplateError(`TokenValidityUnits.${kind} is not a unit`);
    return numberProperty(properties, `${kind}Validity`, fallback) * unitMs;
  };
  return {
    clientId,
    clientName: optionalText(properties, 'ClientName') ?? clientId,
    ...(booleanProperty(properties, 'GenerateSecret', false)
      ? { clientSecret: names.clientSecret() }
      : {}),
    authFlows: readFlows(properties),
    idTokenMs: life('IdToken', 1, 'hours'),
    accessTokenMs: life('AccessToken', 1, 'hours'),
    refreshTokenMs: life('RefreshToken', 30, 'days'),
    preventUserExistenceErrors:
      optionalText(properties, 'PreventUserExistenceErrors') === 'ENABLED',
    ...readRotation(mapProperty(properties, 'RefreshTokenRotation')),
  };
}

function readRotation(properties: Properties): Pick<AppClient, 'rotationGraceMs'> {
  if (optionalText(properties, 'Feature') !== 'ENABLED') return {};
  return { rotationGraceMs: numberProperty(properties, 'RetryGracePeriodSeconds', 0) * SECOND_MS };
}

/** What the pool does not say is as the Cognito console sets it: eight characters of each kind. */
function readPasswordPolicy(properties: Properties): PasswordPolicy {
  const policy = mapProperty(mapProperty(properties, 'Policies'), 'PasswordPolicy');
  return {
    minimumLength: numberProperty(policy, 'MinimumLength', 8),
    lowercase: booleanProperty(policy, 'RequireLowercase', true),
    uppercase: booleanProperty(policy, 'RequireUppercase', true),
    numbers: booleanProperty(policy, 'RequireNumbers', true),
    symbols: booleanProperty(policy, 'RequireSymbols', true),
    temporaryMs: numberProperty(policy, 'TemporaryPasswordValidityDays', 7) * DAY_MS,
  };
}

function readFlows(properties: Properties): ReadonlySet<AuthFlow> {
  const listed = listProperty(properties, 'ExplicitAuthFlows');
  const flows = new Set<AuthFlow>();
  if (listed.includes('ALLOW_USER_PASSWORD_AUTH')) flows.add('USER_PASSWORD_AUTH');
  if (listed.includes('ALLOW_REFRESH_TOKEN_AUTH')) flows.add('REFRESH_TOKEN_AUTH');
  return flows;
}
