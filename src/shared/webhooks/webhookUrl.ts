import { isIP } from 'node:net';
import { CourierError } from '../errors/courierError.ts';
import type { AllowedNetworks } from './networks.ts';

const MAX_LENGTH = 2000;

/** What is wrong with the URL of a webhook, as far as that shows before its name is resolved. */
export function webhookUrlProblem(
  text: string,
  networks: AllowedNetworks,
): CourierError | undefined {
  // The parser would drop line breaks and tabs without a word.
  if (text.length > MAX_LENGTH || /[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) {
    return invalid('It is no URL, or longer than 2,000 characters.');
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return invalid('It is no https URL.');
  if (url.username !== '' || url.password !== '') return invalid('It holds a username.');
  if (url.hash !== '') return invalid('It has a fragment, which no server gets to see.');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !networks.allows(host)) return refused(host);
  // What a name leads to is known only when it is called; where nothing is listed, it fails for sure.
  const listed = isIP(host) === 0 ? !networks.isEmpty : networks.lists(host);
  if (url.protocol === 'http:' && !listed) {
    return invalid('Without TLS only addresses in WEBHOOK_ALLOWED_NETWORKS are called.');
  }
  return undefined;
}

/**
 * What of a webhook's URL others than admins may see: scheme, host and port. For many receivers the
 * path is what lets a caller in.
 */
export function originOnly(text: string): string {
  if (!URL.canParse(text)) return 'no URL';
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}/…`;
}

function invalid(message: string): CourierError {
  return new CourierError(
    'WEBHOOK_URL_INVALID',
    message,
    'Give an https URL that the workers reach, without credentials in it.',
  );
}

/** An address that deliveries must not go to. */
export function refused(address: string): CourierError {
  return new CourierError(
    'WEBHOOK_ADDRESS_REFUSED',
    `${address} is private, local or reserved, and is not called.`,
    'Use a public address; or have its range allowed by WEBHOOK_ALLOWED_NETWORKS.',
  );
}
