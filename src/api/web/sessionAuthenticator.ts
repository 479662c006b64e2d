import type { Authenticator } from '../authentication/authenticator.ts';
import { unauthenticated } from '../authentication/refusals.ts';
import { isSameOrigin } from './sameOrigin.ts';
import type { Sessions } from './sessions.ts';

/**
 * Takes a session of the web pages for the token that it was begun with, where the request carries
 * none of its own. A browser adds cookies by itself, so only to what pages of this address send.
 */
export function withSessions(authenticate: Authenticator, sessions: Sessions): Authenticator {
  return (request) => {
    const { headers, url } = request;
    if (headers.has('authorization')) return authenticate(request);
    const token = sessions.tokenOf(headers);
    if (token === undefined) return authenticate(request);
    if (!isSameOrigin(request)) {
      throw unauthenticated(
        'The session of the web pages counts for their own requests only.',
        'Send the header "Authorization: Bearer <token>" instead.',
      );
    }
    return authenticate({ url, headers: new Headers({ authorization: `Bearer ${token}` }) });
  };
}
