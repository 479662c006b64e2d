import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import type { Administrator, DeviceFaults, QuotaProfile } from './contract.ts';
import { DEFAULT_MIX, type DeviceMix, parseMix } from './devices/behaviour.ts';
import { FaultRuleError, type FaultRule, parseFaultFlag } from './faults/rule.ts';
import { isRecord } from './http/input.ts';
import { readSettings, type Settings } from './settings/settings.ts';
import type { UsernameStyle } from './userPool/model.ts';

/** Everything that a start of the emulator can be told. Durations in milliseconds. */
export interface EmulatorConfig {
  readonly region: string;
  readonly accountId: string;
  /** Seed users, `user-0001` and so on. */
  readonly users: number;
  /** Makes ids and passwords the same in every run; drawn where absent. */
  readonly seed?: string;
  /** Addresses to listen on; loopback alone where absent. */
  readonly listen?: readonly string[];
  /** What clients call this machine: in the endpoints and in the certificate. */
  readonly hostname: string;
  /** Where the CA is written; a temporary file, removed at the end, where absent. */
  readonly caFile?: string;
  /** 0 takes a free port. */
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly quotas: QuotaProfile;
  /** Whether the quotas' rates follow the time scale. */
  readonly scaleQuotas: boolean;
  readonly timeScale: number;
  /** CloudFormation template to provision from; the project's own where absent. */
  readonly template?: string;
  /** AWSIotLogsV2 as NDJSON. */
  readonly log?: string;
  /** Overrides what the template says of user names. */
  readonly usernameStyle?: UsernameStyle;
  /** On AWS: how long an IoT policy change takes to be in force, shortest and longest. */
  readonly propagationMinMs: number;
  readonly propagationMaxMs: number;
  /** The only administrator's key where given; else any foreign key is the administrator. */
  readonly administrator?: Administrator;
  readonly exitWithStdin: boolean;
  /** Faults that are set from the start. */
  readonly faults: readonly FaultRule[];
  /** How far AWS's clock is ahead of this machine's. */
  readonly clockSkewMs: number;
  /** What the device side gets wrong from the start; it checks the values itself. */
  readonly deviceFaults: DeviceFaults;
  /** Readings of what AWS leaves open; what is not given has its default. */
  readonly settings: Partial<Settings>;
  /** Simulated things `device_1` to `device_<devices>`. */
  readonly devices: number;
  readonly deviceMix: DeviceMix;
  /** File that keeps everything over a restart. */
  readonly state?: string;
}

export const DEFAULT_CONFIG: EmulatorConfig = {
  region: 'us-east-1',
  accountId: '123456789012',
  users: 60,
  hostname: 'localhost',
  httpPort: 0,
  tlsPort: 0,
  quotas: 'default',
  scaleQuotas: false,
  timeScale: 1,
  propagationMinMs: 0,
  propagationMaxMs: 0,
  exitWithStdin: false,
  faults: [],
  clockSkewMs: 0,
  deviceFaults: {},
  settings: {},
  devices: 0,
  deviceMix: DEFAULT_MIX,
};

export const USAGE = `Usage: emulator [options]

  --users N              seed users user-0001 … (default 60)
  --seed TEXT            same ids and passwords in every run with the same seed
  --region NAME          AWS Region that is emulated (default us-east-1)
  --account-id DIGITS    account that is emulated (default 123456789012)
  --http-port N          Cognito, IoT control plane and /_emulator (default: a free port)
  --tls-port N           MQTT over wss and the HTTPS data plane (default: a free port)
  --listen ADDRESS       listen there instead of on loopback; may be given several times
  --hostname NAME        what clients call this machine, in the endpoints and the certificate
                         (default localhost)
  --ca-file FILE         write the CA there and leave it (default: a temporary file)
  --quotas NAME          off, default or small (default: default)
  --scale-quotas         let the quotas' rates follow the time scale
  --time-scale N         shorten durations N times: tokens, credentials, the 24 h cut, …
  --template FILE        CloudFormation template (default: the project's infra/template.yaml)
  --log FILE             append the AWSIotLogsV2 entries to FILE, one JSON object a line
  --username-style NAME  given or uuid; what cognito:username holds (default: as the template)
  --propagation MS       IoT policy changes take MS, or MIN-MAX, to be in force (default 0;
                         AWS: 360000-480000), shortened by the time scale
  --admin-access-key ID  with --admin-secret-key: the only administrator, strictly verified
  --admin-secret-key KEY
  --fault RULE           a fault from the start, such as on=GetId,effect=throttle,share=0.2;
                         may be given several times (docs/emulator.md lists what there is)
  --device-faults JSON   faults of the device side from the start, such as
                         {"swallowPuback":0.1}
  --setting NAME=VALUE   a reading of what AWS leaves open; may be given several times
  --devices N            simulate the things device_1 to device_N, which report what they are
                         told to be (default 0)
  --device-mix MIX       how they behave (default prompt=90,slow=5,silent=3,rejecting=2)
  --state FILE           keep users, tokens, policies, shadows and the CA over a restart
  --clock-skew MS        AWS's clock is that far ahead of this machine's
  --exit-with-stdin      stop when standard input ends, that is when the parent goes away
  --help

Prints one JSON line on standard output when it is ready; logs to standard error.
`;

/** Every problem of a command line at once, each a sentence that says what to set. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Undefined where help is asked for. Throws ConfigError. */
export function parseConfig(argv: readonly string[]): EmulatorConfig | undefined {
  const values = readFlags(argv);
  if (values.help === true) return undefined;
  const problems: string[] = [];
  const number = (
    name: string,
    given: string | undefined,
    fallback: number,
    min: number,
    max: number,
  ) => {
    if (given === undefined) return fallback;
    const value = Number(given);
    if (given.trim() !== '' && value >= min && value <= max) return value;
    problems.push(`--${name} must be a number from ${min} to ${max}, not "${given}"`);
    return fallback;
  };
  const whole = (
    name: string,
    given: string | undefined,
    fallback: number,
    max: number,
  ): number => {
    const value = number(name, given, fallback, 0, max);
    if (!Number.isInteger(value)) problems.push(`--${name} must be a whole number`);
    return value;
  };
  const oneOf = <const T extends string>(
    name: string,
    given: string | undefined,
    known: readonly T[],
  ) => {
    const found = known.find((candidate) => candidate === given);
    if (given !== undefined && found === undefined) {
      problems.push(`--${name} must be one of ${known.join(', ')}, not "${given}"`);
    }
    return found;
  };

  const region = values.region ?? DEFAULT_CONFIG.region;
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region)) {
    problems.push(`--region must be an AWS Region such as us-east-1, not "${region}"`);
  }
  for (const address of values.listen ?? []) {
    if (isIP(address) === 0) problems.push(`--listen must be an IP address, not "${address}"`);
  }
  if (
    values.hostname !== undefined &&
    !/^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$/.test(values.hostname)
  ) {
    problems.push(`--hostname must be a host name, not "${values.hostname}"`);
  }
  const accountId = values['account-id'] ?? DEFAULT_CONFIG.accountId;
  if (!/^\d{12}$/.test(accountId)) problems.push('--account-id must have 12 digits');
  const propagation = readPropagation(values.propagation, problems);
  const accessKeyId = values['admin-access-key'];
  const secretKey = values['admin-secret-key'];
  if ((accessKeyId === undefined) !== (secretKey === undefined)) {
    problems.push('--admin-access-key and --admin-secret-key go together');
  }
  const usernameStyle = oneOf('username-style', values['username-style'], ['given', 'uuid']);
  const config: EmulatorConfig = {
    region,
    accountId,
    users: whole('users', values.users, DEFAULT_CONFIG.users, 100_000),
    ...(values.seed === undefined ? {} : { seed: values.seed }),
    ...(values.listen === undefined ? {} : { listen: values.listen }),
    hostname: values.hostname ?? DEFAULT_CONFIG.hostname,
    ...(values['ca-file'] === undefined ? {} : { caFile: values['ca-file'] }),
    httpPort: whole('http-port', values['http-port'], 0, 65_535),
    tlsPort: whole('tls-port', values['tls-port'], 0, 65_535),
    quotas: oneOf('quotas', values.quotas, ['off', 'default', 'small']) ?? DEFAULT_CONFIG.quotas,
    scaleQuotas: values['scale-quotas'] ?? false,
    timeScale: number('time-scale', values['time-scale'], 1, 0.001, 1_000_000),
    ...(values.template === undefined ? {} : { template: values.template }),
    ...(values.log === undefined ? {} : { log: values.log }),
    ...(usernameStyle === undefined ? {} : { usernameStyle }),
    propagationMinMs: propagation[0],
    propagationMaxMs: propagation[1],
    ...(accessKeyId === undefined || secretKey === undefined
      ? {}
      : { administrator: { accessKeyId, secretKey } }),
    exitWithStdin: values['exit-with-stdin'] ?? false,
    faults: readFaults(values.fault ?? [], problems),
    deviceFaults: readDeviceFaults(values['device-faults'], problems),
    settings: readSettings(values.setting ?? [], problems),
    devices: whole('devices', values.devices, 0, 100_000),
    deviceMix: readMix(values['device-mix'], problems),
    ...(values.state === undefined ? {} : { state: values.state }),
    clockSkewMs: number('clock-skew', values['clock-skew'], 0, -864_000_000, 864_000_000),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function readFlags(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        users: text,
        seed: text,
        region: text,
        'account-id': text,
        'http-port': text,
        'tls-port': text,
        listen: { type: 'string', multiple: true },
        hostname: text,
        'ca-file': text,
        quotas: text,
        'scale-quotas': flag,
        'time-scale': text,
        template: text,
        log: text,
        'username-style': text,
        propagation: text,
        'admin-access-key': text,
        'admin-secret-key': text,
        fault: { type: 'string', multiple: true },
        'clock-skew': text,
        'device-faults': text,
        setting: { type: 'string', multiple: true },
        devices: text,
        'device-mix': text,
        state: text,
        'exit-with-stdin': flag,
        help: flag,
      },
    }).values;
  } catch (error) {
    throw new ConfigError([error instanceof Error ? error.message : String(error)]);
  }
}

function readPropagation(given: string | undefined, problems: string[]): readonly [number, number] {
  if (given === undefined) return [0, 0];
  const match = /^(\d+)(?:-(\d+))?$/.exec(given);
  const min = Number(match?.[1]);
  const max = Number(match?.[2] ?? match?.[1]);
  if (match === null || max < min) {
    problems.push(`--propagation must be milliseconds, as MS or MIN-MAX, not "${given}"`);
    return [0, 0];
  }
  return [min, max];
}

function readFaults(given: readonly string[], problems: string[]): readonly FaultRule[] {
  return given.flatMap((flag) => {
    try {
      return [parseFaultFlag(flag)];
    } catch (error) {
      if (!(error instanceof FaultRuleError)) throw error;
      problems.push(`--fault: ${error.message}`);
      return [];
    }
  });
}

function readMix(given: string | undefined, problems: string[]): DeviceMix {
  if (given === undefined) return DEFAULT_MIX;
  const mix = parseMix(given);
  if (mix !== undefined) return mix;
  problems.push(`--device-mix must be like prompt=90,slow=5,silent=3,rejecting=2, not "${given}"`);
  return DEFAULT_MIX;
}

function readDeviceFaults(given: string | undefined, problems: string[]): DeviceFaults {
  if (given === undefined) return {};
  try {
    const value: unknown = JSON.parse(given);
    if (isRecord(value)) return value;
  } catch {
    // Told below, like a value that is no object.
  }
  problems.push(`--device-faults must be a JSON object, not "${given}"`);
  return {};
}
