/** What reading a shadow over the connection found. */
export type ShadowReading =
  | { readonly kind: 'document'; readonly version: number; readonly desired: unknown }
  /** The shadow service has no document of this shadow. */
  | { readonly kind: 'missing' }
  /** It will not be answered, whatever the time: a policy denies it. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Not now: throttled, without room or without a connection. */
  | { readonly kind: 'later'; readonly why: string };
