import { type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

/** Names under which a secret could ever stand in a logged object; their values are cut out. */
const SECRET_NAMES = [
  'password',
  'secret',
  'clientSecret',
  'secretKey',
  'secretAccessKey',
  'sessionToken',
  'idToken',
  'accessToken',
  'refreshToken',
  'token',
  'authorization',
  // As AWS writes them, in requests and answers.
  'PASSWORD',
  'SECRET_HASH',
  'REFRESH_TOKEN',
  'SecretKey',
  'SessionToken',
  'IdToken',
  'AccessToken',
  'RefreshToken',
];

/** JSON lines on standard output, with everything that is named like a secret redacted. */
export function createLogger(program: string, level: string): Logger {
  return pino({
    level,
    base: { program, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        ...SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        // What ioredis adds to Redis's error: of an AUTH it is the password.
        'err.command.args',
      ],
      censor: '[redacted]',
    },
  });
}
