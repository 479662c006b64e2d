import type { Denial } from '../../shared/domain/denial.ts';
import type { LiveShadow } from '../../shared/domain/liveShadow.ts';

/** What reading a shadow over the connection found. */
export type ShadowReading =
  | ({ readonly kind: 'document' } & LiveShadow)
  /** The shadow service has no document of this shadow. */
  | { readonly kind: 'missing'; readonly why?: string }
  /** It will not be answered, whatever the time; a policy that denies it is named. */
  | { readonly kind: 'refused'; readonly why: string; readonly denial?: Denial }
  /** Not now: throttled, without room or without a connection. */
  | { readonly kind: 'later'; readonly why: string };
