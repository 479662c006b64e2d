/** Errors of the shadow service: codes and messages as AWS documents them (aws-facts 2.4). */

export interface ShadowError {
  readonly code: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 500;
  readonly message: string;
}

export const SHADOW_ERRORS = {
  invalidJson: { code: 400, message: 'Invalid JSON' },
  missingState: { code: 400, message: 'Missing required node: state' },
  stateNotObject: { code: 400, message: 'State node must be an object' },
  desiredNotObject: { code: 400, message: 'Desired node must be an object' },
  reportedNotObject: { code: 400, message: 'Reported node must be an object' },
  invalidVersion: { code: 400, message: 'Invalid version' },
  invalidClientToken: { code: 400, message: 'Invalid clientToken' },
  tooDeep: { code: 400, message: 'JSON contains too many levels of nesting; maximum is 6' },
  invalidNode: { code: 400, message: 'State contains an invalid node' },
  forbidden: { code: 403, message: 'Forbidden' },
  versionConflict: { code: 409, message: 'Version conflict' },
  tooLarge: { code: 413, message: 'The payload exceeds the maximum size allowed' },
  notUtf8: {
    code: 415,
    message: 'Unsupported documented encoding; supported encoding is UTF-8',
  },
  // AWS documents the code only; the text is ours (aws-facts 2.4, unconfirmed).
  tooManyRequests: { code: 429, message: 'Too many requests' },
} as const satisfies Record<string, ShadowError>;

export function noShadow(name: string): ShadowError {
  return { code: 404, message: `No shadow exists with name: ${name}` };
}
