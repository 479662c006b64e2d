import type { BatchState, ErrorPolicy } from '../../shared/domain/batch.ts';
import type {
  ConfirmLevel,
  ConnectionState,
  DisconnectKind,
  FailureCode,
  Gate,
  IdentityStatus,
  Milestone,
  Stage,
  UpdateState,
  WaitReason,
} from '../../shared/domain/sets.ts';
import { describedEnum } from './describedEnum.ts';

export const UpdateStateEnum = describedEnum<UpdateState>('UpdateState', {
  description: 'Where an update stands.',
  values: {
    QUEUED: 'Accepted here, and not published yet; `wait` says why where that is known.',
    HELD: 'It could not run when its turn came; `wait` says why, and until when.',
    IN_FLIGHT: 'Published, or about to be; the answer is awaited.',
    SUCCEEDED: 'It reached the milestone that it had to reach.',
    FAILED: 'It ended without success; `failure` says why and what to do.',
    EXPIRED: '`expiresAt` passed before it could be published.',
    CANCELED: 'It was canceled before it was published.',
    SUPERSEDED: 'A later update to the same shadow replaced all that it would have changed.',
  },
});

export const BatchStateEnum = describedEnum<BatchState>('BatchState', {
  description: 'Where a batch stands.',
  values: {
    ACCEPTING: 'Its rows are being accepted; those that were are published already.',
    RUNNING: 'All of its rows were accepted, and not all of its updates have ended.',
    COMPLETED: 'All of its updates have ended.',
  },
});

export const ErrorPolicyEnum = describedEnum<ErrorPolicy>('ErrorPolicy', {
  description: 'What happens to the sound rows of a request with one that is not.',
  values: {
    SKIP_INVALID: 'They are accepted, and the others say what is wrong with them.',
    REJECT_ALL: 'None is accepted.',
  },
});

export const MilestoneEnum = describedEnum<Milestone>('Milestone', {
  description: 'How far an update came.',
  values: {
    PUBLISHED: 'The MQTT broker acknowledged the publish.',
    ACCEPTED: 'The shadow service took it and gave the shadow a version.',
    CONVERGED: 'The device reported what was desired.',
  },
});

export const ConfirmLevelEnum = describedEnum<ConfirmLevel>('ConfirmLevel', {
  description: 'The milestone at which an update counts as succeeded.',
  values: {
    PUBACK: "The broker's acknowledgement is enough; the shadow service may still reject it.",
    ACCEPTED: 'The shadow service must accept it.',
  },
});

export const WaitReasonEnum = describedEnum<WaitReason>('WaitReason', {
  description: 'Why an update that could run does not run.',
  values: {
    PAUSED:
      'An operator paused the fleet, its shard, its identity or a group of it; `detail` says which, who and why.',
    SCHEDULED: 'It must not begin before `until`; it is in no lane and holds nothing up.',
    BACKOFF: 'A try failed in a way that passes; the next one follows.',
    RATE_LIMITED: 'A budget that keeps the AWS account below its quotas is used up for now.',
    BEHIND_ANOTHER_UPDATE:
      'An older update to the same shadow comes first; `detail` is the id of the one that does.',
    CONNECTING: "The identity's connection is being made.",
    CONNECTION_LIMIT:
      'The worker has as many connections as MAX_CONNECTIONS allows; the longest idle one makes room.',
    PROBING: 'One connection attempt is finding out whether the identity may connect again.',
    PROPAGATING: 'The IoT policy was attached minutes ago and AWS may not apply it everywhere yet.',
    IDENTITY_QUARANTINED: 'The identity was denied and is parked; see its quarantine.',
    NEEDS_OPERATOR: 'The identity cannot sign in until somebody acts; see its quarantine.',
    NO_OWNER: "No worker holds the identity's shard: none runs, or a lease is about to run out.",
  },
});

export const StageEnum = describedEnum<Stage>('Stage', {
  description: 'The step of the path from password to shadow at which something was refused.',
  values: {
    USER_POOL: 'Signing in to the Cognito user pool (InitiateAuth).',
    IDENTITY_POOL: 'Getting credentials from the identity pool.',
    ATTACH_POLICY: 'Attaching the IoT policy to the identity.',
    UPGRADE: 'The signed WebSocket request to the IoT endpoint.',
    CONNECT: "MQTT's CONNECT.",
    SUBSCRIBE: "MQTT's SUBSCRIBE to the shadow's answers.",
    PUBLISH: "MQTT's PUBLISH to the shadow.",
    SHADOW_SERVICE: "The shadow service's answer.",
  },
});

export const GateEnum = describedEnum<Gate>('Gate', {
  description: 'What refused: the thing to look at, and to mend, in the AWS account.',
  values: {
    USER_POOL_PASSWORD:
      'The user pool does not accept the username and password, or the user is disabled.',
    USER_POOL_CHALLENGE: 'The user pool asks for more (a new password, MFA).',
    USER_POOL_USER_STATE: 'The user does not exist, is unconfirmed or must reset the password.',
    USER_POOL_CLIENT: 'The app client: its id, its secret or its sign-in flows.',
    IDENTITY_POOL_LOGIN: "The identity pool does not accept the user pool's token.",
    ROLE_MAPPING: 'The identity pool gives the user no role, or the role cannot be assumed.',
    WORKER_ROLE: "The worker's own AWS role lacks a permission.",
    IOT_POLICY_LIMIT: 'The identity has as many IoT policies attached as AWS allows.',
    IOT_POLICY_NOT_FOUND: 'The IoT policy that is to be attached does not exist.',
    IOT_POLICY_NOT_ATTACHED: 'The IoT policy is not attached to the identity.',
    IOT_POLICY_PROPAGATING: 'The IoT policy was attached minutes ago and may not apply yet.',
    CONNECT_POLICY: 'The IAM role or the IoT policy does not allow iot:Connect for this client id.',
    TOPIC_FILTER_POLICY:
      "The IAM role or the IoT policy does not allow iot:Subscribe to the shadow's answers.",
    TOPIC_POLICY: 'The IAM role or the IoT policy does not allow iot:Publish to this shadow.',
    CREDENTIALS_EXPIRED: 'The temporary credentials had expired.',
    SIGNATURE: 'The signature of the WebSocket request was not accepted.',
    CLOCK: "The worker's clock differs too much from AWS's.",
    DUPLICATE_IDENTITY: 'Two registered identities are the same Cognito identity.',
    SHADOW_SERVICE: 'The shadow service refused the action.',
  },
});

export const FailureCodeEnum = describedEnum<FailureCode>('FailureCode', {
  description: 'Why an update ended without success.',
  values: {
    NOT_AUTHORIZED: 'AWS denied it; stage, gate and remedy say which policy to mend.',
    REJECTED: 'The shadow service rejected the document.',
    VERSION_CONFLICT: 'The shadow does not have the expected version.',
    THING_NOT_FOUND: 'The thing does not exist.',
    TOO_LARGE: 'The shadow would become larger than AWS allows.',
    TRIES_EXHAUSTED: 'It was tried as often as is allowed, and never succeeded.',
    OUTCOME_UNKNOWN:
      'A publish of it went unanswered, and whether it was applied cannot be found out.',
    DEADLINE_PASSED: 'expiresAt passed before it could be published.',
    IDENTITY_REMOVED: 'The identity was removed before it was published.',
  },
});

export const IdentityStatusEnum = describedEnum<IdentityStatus>('IdentityStatus', {
  description: 'Where an identity stands.',
  values: {
    PENDING: 'Registered, and not connected yet.',
    ACTIVE: 'It signed in, and nothing denies it.',
    QUARANTINED: 'It was denied: its updates are held, and probes find out when that ends.',
    NEEDS_OPERATOR:
      'It was denied in a way that only somebody can mend, a wrong password for example; its updates are held, and nothing is probed.',
  },
});

export const DisconnectKindEnum = describedEnum<DisconnectKind>('DisconnectKind', {
  description: 'Why a connection that was up ended.',
  values: {
    taken_over: 'Somebody else connected with the same client id.',
    not_authorized: 'It was denied: by the broker, or when its credentials were verified.',
    server: 'The broker ended it, for another reason.',
    network: 'It broke off.',
    recycled: 'It was renewed ahead of the cut that AWS makes after 24 hours.',
    idle: 'Nothing used it, or another identity needed its place.',
    probe: 'It was renewed to find out whether the identity is denied.',
    requested: 'An operator asked for it.',
    released: 'The worker handed the shard over.',
  },
});

export const ConnectionStateEnum = describedEnum<ConnectionState>('ConnectionState', {
  description: "The states of an identity's MQTT connection.",
  values: {
    idle: 'Not connected; there is nothing to deliver.',
    authenticating: 'Getting tokens and credentials from Cognito.',
    attaching: 'Attaching the IoT policy.',
    connecting: 'Connecting to AWS IoT.',
    connected: 'Connected.',
    backoff: 'An attempt failed; the next one follows.',
    quarantined: 'The identity is parked; nothing connects.',
    draining: 'Finishing what is in flight before it closes.',
    closed: 'Closed for good by this worker.',
  },
});
