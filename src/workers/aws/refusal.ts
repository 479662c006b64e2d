import type { Denial } from '../../shared/domain/denial.ts';
import type { Gate, Stage } from '../../shared/domain/sets.ts';
import { messageOf } from '../../shared/errors/courierError.ts';

/** What a failed AWS call means: asked again later, or refused until somebody changes something. */
export type CallFailure =
  | { readonly kind: 'transient'; readonly throttled: boolean; readonly message: string }
  | { readonly kind: 'denied'; readonly denial: Denial };

const THROTTLED = new Set([
  'TooManyRequestsException',
  'ThrottlingException',
  'ThrottledException',
  'Throttling',
  'RequestLimitExceeded',
  'LimitExceededException',
]);

interface Refusal {
  readonly gate: Gate;
  readonly remedy: string;
}

/** The AWS exceptions that no retry mends, by stage and exception name. */
const REFUSALS: Partial<Record<Stage, Readonly<Record<string, Refusal>>>> = {
  USER_POOL: {
    NotAuthorizedException: {
      gate: 'USER_POOL_PASSWORD',
      remedy:
        'Give the identity its right password, or a refresh token that is still good, with replaceIdentitySecret; where the app client rotates refresh tokens, set REFRESH_TOKEN_ROTATION=on; where the message names SECRET_HASH, correct COGNITO_CLIENT_SECRET; where the user is disabled, enable it in the user pool.',
    },
    RefreshTokenReuseException: {
      gate: 'USER_POOL_PASSWORD',
      remedy:
        'Somebody else uses the refresh token of this identity, or a rotation was cut off: give the identity a new refresh token or its password with replaceIdentitySecret.',
    },
    UserNotFoundException: {
      gate: 'USER_POOL_USER_STATE',
      remedy: 'Create the user in the user pool, or register the right username.',
    },
    UserNotConfirmedException: {
      gate: 'USER_POOL_USER_STATE',
      remedy: 'Confirm the user (AdminConfirmSignUp), then release the identity.',
    },
    PasswordResetRequiredException: {
      gate: 'USER_POOL_USER_STATE',
      remedy:
        'Set a new password (AdminSetUserPassword with Permanent), then replaceIdentitySecret.',
    },
    ResourceNotFoundException: {
      gate: 'USER_POOL_CLIENT',
      remedy: 'Correct COGNITO_CLIENT_ID: the user pool of AWS_REGION has no such app client.',
    },
    InvalidParameterException: {
      gate: 'USER_POOL_CLIENT',
      remedy: 'Enable USER_PASSWORD_AUTH for the app client (ALLOW_USER_PASSWORD_AUTH).',
    },
    ForbiddenException: {
      gate: 'USER_POOL_CLIENT',
      remedy: "The user pool's WAF refuses the workers: allow their addresses.",
    },
  },
  IDENTITY_POOL: {
    NotAuthorizedException: {
      gate: 'IDENTITY_POOL_LOGIN',
      remedy:
        'Add the user pool and the app client to the authentication providers of the identity pool.',
    },
    ResourceNotFoundException: {
      gate: 'IDENTITY_POOL_LOGIN',
      remedy: 'Correct COGNITO_IDENTITY_POOL_ID: AWS_REGION has no such identity pool.',
    },
    InvalidIdentityPoolConfigurationException: {
      gate: 'ROLE_MAPPING',
      remedy:
        'Give the identity pool an authenticated role (or role mapping) whose trust policy names this identity pool.',
    },
  },
  ATTACH_POLICY: {
    ResourceNotFoundException: {
      gate: 'IOT_POLICY_NOT_FOUND',
      remedy: 'Create the IoT policy, or correct IOT_POLICY_NAME.',
    },
    LimitExceededException: {
      gate: 'IOT_POLICY_LIMIT',
      remedy: 'An identity takes 10 IoT policies at most: detach one that it does not need.',
    },
    UnauthorizedException: {
      gate: 'WORKER_ROLE',
      remedy: "Allow iot:AttachPolicy and iot:ListAttachedPolicies to the workers' own role.",
    },
    AccessDeniedException: {
      gate: 'WORKER_ROLE',
      remedy: "Allow iot:AttachPolicy and iot:ListAttachedPolicies to the workers' own role.",
    },
    CredentialsProviderError: {
      gate: 'WORKER_ROLE',
      remedy:
        'Give the worker AWS credentials of its own: a role of the machine or container, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
    },
    InvalidRequestException: {
      gate: 'IOT_POLICY_NOT_FOUND',
      remedy: 'Correct IOT_POLICY_NAME.',
    },
  },
};

/**
 * Decides by the exception's name, never by its text. What is not known to be final is transient:
 * trying again is the safe mistake.
 */
export function classifyCallFailure(stage: Stage, error: unknown): CallFailure {
  const name = error instanceof Error ? error.name : '';
  const message = `${name === '' ? 'Error' : name}: ${messageOf(error)}`;
  const refusal = REFUSALS[stage]?.[name];
  if (refusal !== undefined) {
    const { gate, remedy } = refusal;
    return { kind: 'denied', denial: { stage, gate, message, remedy } };
  }
  return { kind: 'transient', throttled: THROTTLED.has(name), message };
}
