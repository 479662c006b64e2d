/**
 * The objective of prometheus/rules as well: accepted within 5 s. `le` is written as 5 by the
 * workers and as 5.0 by Prometheus 3.
 */
export const ACCEPTED_IN_TIME =
  'courier_update_settled_seconds_bucket{state="SUCCEEDED", le=~"5(.0)?"}';

/** What counts against it: canceled and superseded updates were taken back by their senders. */
export const ENDED = 'courier_updates_settled_total{state=~"SUCCEEDED|FAILED|EXPIRED"}';
