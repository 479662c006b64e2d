/** Whether an MQTT client is connected: UNKNOWN where no event of it was ever observed. */
export const PRESENCE_STATES = ['ONLINE', 'OFFLINE', 'UNKNOWN'] as const;
export type PresenceState = (typeof PRESENCE_STATES)[number];

/**
 * What AWS IoT told of one MQTT client, and for how long nobody listened since. A thing's device is
 * taken to connect with the thing's name as its client id, AWS's own advice; where it does not, its
 * presence stands under the client id that it has. Times are epoch milliseconds.
 */
export interface Presence {
  readonly clientId: string;
  readonly state: PresenceState;
  /** Since when it is so, by AWS's clock. */
  readonly since?: number | undefined;
  /** AWS's word for how its last connection ended, for example CONNECTION_LOST. */
  readonly disconnectReason?: string | undefined;
  /** Where it connected from; of a connection that is up. */
  readonly ipAddress?: string | undefined;
  /** When the event was taken in, by Redis's clock. */
  readonly observedAt?: number | undefined;
  /** For how long since then nobody observed, so that a later event may have been missed. */
  readonly unobservedMs: number;
}

/** The deployment's one observer. Times are epoch milliseconds of Redis's clock. */
export interface PresenceObservation {
  readonly identityId: string;
  readonly worker: string;
  /** Whether it observes now. */
  readonly observing: boolean;
  /** Since when without a gap; until `seenAt` where it does not observe now. */
  readonly since: number;
  readonly seenAt: number;
  /** Stretches of time in which nobody observed, the latest ones, oldest first. */
  readonly gaps: readonly Gap[];
  readonly online: number;
  readonly offline: number;
}

export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** How much of the time from `from` to `to` the gaps cover, in milliseconds. */
export function unobservedMs(gaps: readonly Gap[], from: number, to: number): number {
  return gaps.reduce(
    (sum, gap) => sum + Math.max(0, Math.min(gap.to, to) - Math.max(gap.from, from)),
    0,
  );
}
