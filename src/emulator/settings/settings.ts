import type { DeviceSettings } from '../contract.ts';
import type { IdentitySettings } from './identitySettings.ts';

/** Everything that `--setting` can change. */
export type Settings = DeviceSettings & IdentitySettings;

type Reader = (text: string) => unknown;

const whole: Reader = (text) => (/^\d+$/.test(text) ? Number(text) : undefined);
const flag: Reader = (text) => (text === 'true' ? true : text === 'false' ? false : undefined);
const oneOf =
  (...values: readonly string[]): Reader =>
  (text) =>
    values.find((value) => value === text);

/** Every setting that a flag can change, and how its text is read. */
const SETTINGS: { readonly [name in keyof Settings]: readonly [Reader, string] } = {
  connectWindowMs: [whole, 'milliseconds'],
  acceptSignedToken: [flag, 'true or false'],
  shadowDepth: [whole, 'a whole number'],
  ledgerLimit: [whole, 'a whole number'],
  discardedPublish: [oneOf('none', 'puback'), 'none or puback'],
  announceLifetimeEnd: [flag, 'true or false'],
  connectionLifetimeMs: [whole, 'milliseconds'],
  reservedPublish: [oneOf('terminate', 'route'), 'terminate or route'],
  overSubscribed: [oneOf('terminate', 'suback'), 'terminate or suback'],
  sessionExpirySeconds: [whole, 'seconds'],
  faultSeed: [whole, 'a whole number'],
  testAuthorization: [oneOf('iot', 'both'), 'iot or both'],
  firstAttach: [oneOf('delayed', 'immediate'), 'delayed or immediate'],
  secretHashMessage: [oneOf('new', 'old'), 'new or old'],
};

/** Reads `name=value` flags; what is wrong is added to `problems`, a sentence each. */
export function readSettings(given: readonly string[], problems: string[]): Partial<Settings> {
  const entries = given.flatMap((text) => {
    const equals = text.indexOf('=');
    const name = text.slice(0, equals);
    const setting = Object.entries(SETTINGS).find(([known]) => known === name)?.[1];
    if (setting === undefined) {
      const names = Object.keys(SETTINGS).join(', ');
      problems.push(`--setting must be name=value with a name of ${names}, not "${text}"`);
      return [];
    }
    const [reader, form] = setting;
    const value = reader(text.slice(equals + 1));
    if (value !== undefined) return [[name, value] as const];
    problems.push(`--setting ${name} must be ${form}, not "${text.slice(equals + 1)}"`);
    return [];
  });
  return Object.fromEntries(entries);
}
