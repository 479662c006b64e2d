/** What a stream of events may grow to between two sweeps, which trim it to what is set. */
export const MOST_EVENTS = 50_000;

/**
 * A Lua function that writes what happened in a shard to its stream, in the script in which it
 * happens. One letter a field: a stream keeps the names of neighbours that have the same ones once.
 *
 * | k | says that | fields |
 * | E | an update ended | u (its id without the shard), s (state), c (code), b (batch), i (identity), t (thing) |
 * | H | an update waits for another reason | u, r (reason), d (until, ms), i, t |
 * | I | an identity has another status | i, s (status), r (wait reason), d (probe, ms) |
 * | C | a connection has another state | i, s (state), w (worker) |
 * | B | a batch has ended, found by the owner of this shard | b |
 * | S | the shard has another owner | w ('' for none), e (epoch) |
 */
export const EVENT_FUNCTIONS = /* lua */ `
local function event(kind, ...)
  redis.call('XADD', T .. ':events', 'MAXLEN', '~', ${MOST_EVENTS}, '*', 'k', kind, ...)
end
`;
