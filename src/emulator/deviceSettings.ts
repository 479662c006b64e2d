/** Defaults of the device side's settings: the strictest reading of what AWS leaves open. */
import type { DeviceSettings, QuotaProfile } from './contract.ts';

/** AWS's window between two CONNECTs of a client id (aws-facts 3.6). */
const CONNECT_WINDOW_MS = 10_000;

export function deviceSettings(
  quotas: QuotaProfile,
  given: Partial<DeviceSettings> = {},
): DeviceSettings {
  return {
    connectWindowMs: quotas === 'off' ? 0 : CONNECT_WINDOW_MS,
    acceptSignedToken: false,
    shadowDepth: 5,
    ledgerLimit: 200_000,
    discardedPublish: 'none',
    announceLifetimeEnd: false,
    connectionLifetimeMs: 24 * 3_600_000,
    reservedPublish: 'terminate',
    overSubscribed: 'terminate',
    sessionExpirySeconds: 3600,
    faultSeed: 1,
    ...given,
  };
}
