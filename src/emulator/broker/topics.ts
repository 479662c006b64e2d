/** Topic names and filters: what is valid, and which filter matches which topic (MQTT 4.7). */

/** AWS's quotas on topics (aws-facts 1.2); not adjustable, so enforced in every profile. */
const MAX_TOPIC_BYTES = 256;
const MAX_SLASHES = 7;

/** `$share/<group>/<filter>` taken apart; any other filter has no group. */
export interface ParsedFilter {
  readonly filter: string;
  readonly group?: string;
}

function withinAwsLimits(text: string): boolean {
  if (text === '' || text.includes('\u0000')) return false;
  // A character is at most 3 bytes per UTF-16 unit, so short texts need no exact count.
  if (text.length * 3 > MAX_TOPIC_BYTES && Buffer.byteLength(text) > MAX_TOPIC_BYTES) return false;
  return countSlashes(text) <= MAX_SLASHES;
}

function countSlashes(text: string): number {
  let count = 0;
  for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1)) count += 1;
  return count;
}

export function isValidTopic(topic: string): boolean {
  return withinAwsLimits(topic) && !topic.includes('+') && !topic.includes('#');
}

export function isWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}

export function parseFilter(text: string): ParsedFilter | undefined {
  let parsed: ParsedFilter = { filter: text };
  if (text.startsWith('$share/')) {
    const slash = text.indexOf('/', 7);
    if (slash <= 7) return undefined;
    const group = text.slice(7, slash);
    if (isWildcard(group)) return undefined;
    parsed = { filter: text.slice(slash + 1), group };
  }
  return isValidFilter(parsed.filter) ? parsed : undefined;
}

function isValidFilter(filter: string): boolean {
  if (!withinAwsLimits(filter)) return false;
  if (!isWildcard(filter)) return true;
  const levels = filter.split('/');
  return levels.every((level, at) => {
    if (level.includes('#')) return level === '#' && at === levels.length - 1;
    return !level.includes('+') || level === '+';
  });
}

const SHADOW_ANSWER =
  /^\$aws\/things\/[^/]+\/shadow\/(?:name\/[^/]+\/)?(?:get|update|delete)\/(?:accepted|rejected|delta|documents)$/;

/** Reserved topics on which only AWS publishes: answers of the shadow service, lifecycle events. */
export function isServiceTopic(topic: string): boolean {
  return topic.startsWith('$aws/events/') || SHADOW_ANSWER.test(topic);
}
