import { COMMON_VARIABLES, commonProblem, port } from './common.ts';
import {
  type Environment,
  matching,
  milliseconds,
  oneOf,
  optionalMatching,
  optionalText,
  readVariables,
  wholeNumber,
} from './env.ts';

const URL_PATTERN = /^https?:\/\/\S+$/;
const rate = (what: string, fallback: number) =>
  wholeNumber(
    `${what} a second over the whole fleet; 0 takes the value of AWS_QUOTAS`,
    { min: 0, max: 100_000 },
    fallback,
  );

export const WORKER_VARIABLES = {
  ...COMMON_VARIABLES,
  AWS_REGION: matching(/^[a-z]{2}(-[a-z]+)+-\d$/, 'the AWS region, for example eu-west-1'),
  COGNITO_USER_POOL_ID: matching(
    /^[\w-]+_[0-9a-zA-Z]+$/,
    'the user pool, for example eu-west-1_AbCdEfGhI',
  ),
  COGNITO_CLIENT_ID: matching(/^[\w+]+$/, "the user pool's app client with USER_PASSWORD_AUTH"),
  COGNITO_CLIENT_SECRET: optionalText("the app client's secret; leave out for a client without"),
  REFRESH_TOKEN_ROTATION: oneOf(
    ['off', 'on'],
    'whether the app client rotates refresh tokens: on where it has RefreshTokenRotation enabled',
    'off',
  ),
  COGNITO_IDENTITY_POOL_ID: matching(
    /^[\w-]+:[0-9a-f-]+$/,
    'the identity pool, for example eu-west-1:12345678-1234-…',
  ),
  IOT_POLICY_NAME: matching(
    /^[\w+=,.@-]{1,128}$/,
    'the IoT policy that every identity needs attached, besides the IAM role of the identity pool',
  ),
  IOT_ENDPOINT: matching(
    /^[a-zA-Z0-9.-]+(:\d{1,5})?$/,
    'the IoT data endpoint (aws iot describe-endpoint --endpoint-type iot:Data-ATS), as host or host:port',
  ),
  IOT_CA_FILE: optionalText(
    'a PEM file with the CA of IOT_ENDPOINT; leave out for AWS, whose CA the system knows',
  ),
  COGNITO_IDP_ENDPOINT: optionalMatching(URL_PATTERN, 'another URL for the user pool service'),
  COGNITO_IDENTITY_ENDPOINT: optionalMatching(
    URL_PATTERN,
    'another URL for the identity pool service',
  ),
  IOT_CONTROL_ENDPOINT: optionalMatching(URL_PATTERN, 'another URL for the IoT control plane'),
  WORKER_NAME: optionalMatching(
    /^[\w.-]{1,64}$/,
    'the name of this worker in logs and in the fleet; made from the host name unless set',
  ),
  WORKER_OPS_PORT: port("the port of the worker's /metrics, /livez and /readyz", 9401),
  HEARTBEAT_MS: milliseconds('how often a worker says that it lives', 1000, 20),
  LEASE_MS: milliseconds('how long a lease on a shard holds without being renewed', 10_000, 100),
  SHARD_MIN_HOLD_MS: milliseconds('how long a busy shard stays with its owner at least', 30_000, 0),
  SWEEP_MS: milliseconds('how often the owner looks for lanes without a live job', 3000, 20),
  JOB_CONCURRENCY: wholeNumber('jobs that run at once in each shard', { min: 1, max: 1000 }, 100),
  CONSUMER_PATIENCE_MS: milliseconds(
    'how long jobs of a shard may be ready, with places free and none taken, before the worker is not ready and makes its consumer anew',
    15_000,
    100,
  ),
  AWS_QUOTAS: oneOf(
    ['default', 'small'],
    "which of AWS's default quotas the budgets follow; small is for the regions with lower ones",
    'default',
  ),
  BUDGET_INITIATE_AUTH: rate('InitiateAuth calls', 0),
  BUDGET_GET_ID: rate('GetId calls', 0),
  BUDGET_GET_CREDENTIALS: rate('GetCredentialsForIdentity calls', 0),
  BUDGET_ATTACH_POLICY: rate('AttachPolicy and ListAttachedPolicies calls', 0),
  BUDGET_CONNECT: rate('CONNECT packets', 0),
  BUDGET_SUBSCRIBE: rate('subscribed topic filters', 0),
  BUDGET_SHADOW: rate('shadow requests', 0),
  CONNECTION_MESSAGES_PER_SECOND: wholeNumber(
    'messages in both directions that one connection may carry (AWS discards above 100)',
    { min: 2, max: 100_000 },
    90,
  ),
  THING_REQUESTS_PER_SECOND: wholeNumber(
    'shadow requests to one thing',
    { min: 1, max: 10_000 },
    20,
  ),
  CONNECT_SPACING_MS: milliseconds(
    'the least time between two CONNECTs of one client id (AWS refuses faster ones with 0x97)',
    11_000,
    0,
  ),
  CONNECT_PATIENCE_MS: milliseconds(
    'how long a job waits for a connection before it steps aside',
    1500,
  ),
  ANSWER_TIMEOUT_MS: milliseconds(
    'how long a publish waits for the shadow service to answer',
    10_000,
    50,
  ),
  MAX_TRIES: wholeNumber('publishes of one update before it fails', { min: 1, max: 100 }, 8),
  RETRY_BASE_MS: milliseconds('the first backoff of an update; it doubles, with jitter', 500),
  RETRY_MAX_MS: milliseconds('the longest backoff of an update', 60_000),
  PROPAGATION_MS: milliseconds(
    'how long after an attach a denied CONNECT counts as propagating',
    600_000,
    0,
  ),
  PROPAGATION_PROBE_MS: milliseconds('how often a propagating identity is probed', 30_000),
  QUARANTINE_PROBE_MS: milliseconds('how often a quarantined identity is probed', 300_000),
  IDLE_CLOSE_MS: milliseconds('after how long without an update a connection closes', 900_000),
  RECYCLE_MIN_MS: milliseconds('the least age at which a connection is renewed', 72_000_000, 100),
  RECYCLE_MAX_MS: milliseconds(
    'the greatest age at which a connection is renewed (AWS cuts at 24 h)',
    82_800_000,
    100,
  ),
  REFRESH_AHEAD_MS: milliseconds(
    'how long before their expiry credentials are renewed',
    300_000,
    0,
  ),
  PRESENCE_USERNAME: optionalText(
    'the Cognito user, registered as an identity, whose connection observes who else is connected; leave out to observe nobody. Its policies must allow $aws/events/presence/connected/* and disconnected/*',
  ),
  PRESENCE_CLIENTS: wholeNumber(
    'MQTT clients whose presence is remembered; the ones that changed longest ago make room',
    { min: 16, max: 10_000_000 },
    100_000,
  ),
  MAX_CONNECTIONS: wholeNumber(
    'connections that one worker may have at once; updates of further identities wait, and the longest idle connection makes room',
    { min: 1, max: 1_000_000 },
    20_000,
  ),
  EVENTS_KEPT: wholeNumber(
    'events that each shard keeps for subscribers that come back; about 100 bytes of Redis memory an event',
    { min: 100, max: 50_000 },
    10_000,
  ),
  WEBHOOK_CONCURRENCY: wholeNumber(
    'deliveries to webhooks that one worker makes at once',
    { min: 1, max: 1000 },
    10,
  ),
  WEBHOOK_TIMEOUT_MS: milliseconds('how long a webhook may take to answer', 10_000, 50),
  WEBHOOK_RETRY_BASE_MS: milliseconds(
    'the first pause after a delivery that failed; each is four times the one before, with jitter, and after ten attempts it is given up',
    5000,
  ),
  WEBHOOK_RETRY_MAX_MS: milliseconds(
    'the longest pause between attempts of a delivery',
    10_800_000,
  ),
  WEBHOOK_DISABLE_AFTER: wholeNumber(
    'deliveries in a row that are given up before a webhook is told of nothing more',
    { min: 1, max: 1000 },
    10,
  ),
  KEEP_ALIVE_SECONDS: wholeNumber("MQTT's keep-alive", { min: 5, max: 1200 }, 30),
} as const;

export type WorkerConfig = ReturnType<typeof loadWorkerConfig>;

/** @throws CONFIG_INVALID with every problem at once. */
export function loadWorkerConfig(env: Environment) {
  return readVariables(WORKER_VARIABLES, env, commonProblem);
}
