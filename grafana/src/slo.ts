/**
 * The objective of prometheus/rules as well: accepted within 5 s. `le` is written as 5 by the
 * workers and as 5.0 by Prometheus 3.
 */
export const ACCEPTED_IN_TIME =
  'courier_update_settled_seconds_bucket{state="SUCCEEDED", le=~"5(.0)?"}';

/** What a caller got wrong or took back does not count; late and given up updates do. */
export const COUNTED =
  'courier_updates_settled_total{state!~"CANCELED|SUPERSEDED", code=~"NONE|DEADLINE_PASSED|TRIES_EXHAUSTED|OUTCOME_UNKNOWN"}';
