import type { Denial } from './denial.ts';

/** A shadow as the shadow service gave it. Sections that it left out are undefined. */
export interface LiveShadow {
  readonly version: number;
  readonly desired?: unknown;
  readonly reported?: unknown;
  readonly delta?: unknown;
  /** Of each field of desired and reported, when it was last changed, in epoch seconds. */
  readonly metadata?: unknown;
  /** Epoch seconds of the answer, by AWS's clock. */
  readonly timestamp?: number | undefined;
}

/** What the owner of an identity answers to a wish to read a shadow. */
export type ShadowReadAnswer =
  | { readonly kind: 'shadow'; readonly shadow: LiveShadow }
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'denied'; readonly denial: Denial }
  | { readonly kind: 'refused'; readonly why: string }
  /** It could not be read so far; the owner goes on trying while somebody waits. */
  | { readonly kind: 'later'; readonly why: string };
