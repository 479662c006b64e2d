import { z } from 'zod';
import type { DeviceState } from '../contract.ts';

const user = z.object({
  username: z.string(),
  alias: z.string().optional(),
  sub: z.string(),
  createdAtMs: z.number(),
  attributes: z.record(z.string(), z.string()),
  password: z.string(),
  temporarySinceMs: z.number().optional(),
  status: z.enum(['UNCONFIRMED', 'CONFIRMED', 'RESET_REQUIRED', 'FORCE_CHANGE_PASSWORD']),
  enabled: z.boolean(),
  totpSecret: z.string().optional(),
  modifiedAtMs: z.number(),
  signOuts: z.number(),
});

const refreshSession = z.object({
  token: z.string(),
  clientId: z.string(),
  sub: z.string(),
  originJti: z.string(),
  eventId: z.string(),
  authTime: z.number(),
  expiresAtMs: z.number(),
  signOuts: z.number(),
  usableUntilMs: z.number().optional(),
});

const identity = z.object({
  identityId: z.string(),
  identityPoolId: z.string(),
  providerName: z.string(),
  subject: z.string(),
});

const credentials = z.object({
  accessKeyId: z.string(),
  secretKey: z.string(),
  sessionToken: z.string(),
  expiresAtMs: z.number(),
  principal: z.object({ identityId: z.string(), roleArn: z.string(), principalId: z.string() }),
});

const policy = z.object({
  name: z.string(),
  arn: z.string(),
  createdAtMs: z.number(),
  generationId: z.string(),
  defaultVersionId: z.string(),
  nextVersion: z.number(),
  modifiedAtMs: z.number(),
  versions: z.array(
    z.object({ versionId: z.string(), document: z.string(), createdAtMs: z.number() }),
  ),
});

const thing = z.object({
  thingName: z.string(),
  thingTypeName: z.string().optional(),
  thingId: z.string(),
  thingArn: z.string(),
  version: z.number(),
  attributes: z.record(z.string(), z.string()),
  principals: z.array(z.string()),
});

const shadow = z.object({
  thing: z.string(),
  shadow: z.string().optional(),
  version: z.number(),
  deletedAtMs: z.number().optional(),
  state: z.looseObject({}),
  metadata: z.looseObject({}),
});

const retainedMessage = z.object({
  topic: z.string(),
  payload: z.string(),
  qos: z.union([z.literal(0), z.literal(1)]),
  lastModifiedMs: z.number(),
});

const device = z.object({ shadows: z.array(shadow), retained: z.array(retainedMessage) });

/** The file of `--state`: everything that a restart keeps. Times are epoch milliseconds. */
export const stateSchema = z.object({
  format: z.literal('shadow-courier-emulator/1'),
  region: z.string(),
  accountId: z.string(),
  /** What names and passwords are derived from. */
  namesKey: z.string(),
  signingKey: z.looseObject({ kty: z.literal('RSA') }),
  ca: z.object({ key: z.string(), cert: z.string() }),
  users: z.array(user),
  refreshSessions: z.array(refreshSession),
  identities: z.array(identity),
  credentials: z.array(credentials),
  policies: z.array(policy),
  attachments: z.array(z.tuple([z.string(), z.string()])),
  things: z.array(thing),
  device: z.custom<DeviceState>((value) => device.safeParse(value).success, 'is not shadows'),
});

export type StoredState = z.infer<typeof stateSchema>;
