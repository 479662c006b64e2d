import type { Answer, Exchange } from './exchange.ts';
import type { QuotaName } from '../world/quotas.ts';
import { AwsError } from './awsError.ts';

/** The path's captured segments, percent-decoded. */
export type PathValues = Readonly<Record<string, string>>;

export interface RestRoute {
  /** The operation's name, as in AWS's model and in IAM (`AttachPolicy`); it counts by it too. */
  readonly operation: QuotaName;
  readonly method: string;
  /** `/target-policies/{policyName}`; a capture takes one segment. */
  readonly path: string;
  /** What IAM is asked about where it is not the policy or thing in the path. */
  readonly resource?: (exchange: Exchange, path: PathValues) => string;
  readonly answer: (exchange: Exchange, path: PathValues) => Promise<object> | object;
}

export interface RestMatch {
  readonly route: RestRoute;
  readonly values: PathValues;
}

/** The route of a request; undefined where none fits. Throws InvalidRequestException (400). */
export function matchRoute(
  routes: readonly RestRoute[],
  exchange: Exchange,
): RestMatch | undefined {
  const segments = exchange.rawPath.split('/');
  for (const route of routes) {
    if (route.method !== exchange.method) continue;
    const values = matchPath(route.path.split('/'), segments);
    if (values !== undefined) return { route, values };
  }
  return undefined;
}

export function restAnswer(result: object): Answer {
  const empty = Object.keys(result).length === 0;
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: empty ? '' : JSON.stringify(result),
  };
}

/** The error as REST-JSON has it: its name in a header, its message in the body. */
export function restError(error: AwsError): Answer {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.name },
    body: JSON.stringify({ message: error.message }),
  };
}

function matchPath(
  pattern: readonly string[],
  segments: readonly string[],
): PathValues | undefined {
  if (pattern.length !== segments.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const actual = segments[index] ?? '';
    if (expected.startsWith('{')) {
      if (actual === '') return undefined;
      values[expected.slice(1, -1)] = decodeSegment(actual);
    } else if (expected !== actual) {
      return undefined;
    }
  }
  return values;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new AwsError('InvalidRequestException', 'The path is not validly percent-encoded.');
  }
}
