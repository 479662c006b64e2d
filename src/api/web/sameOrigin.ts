/**
 * Whether a request comes from a page of this address itself, or was typed in. Browsers say so in
 * Sec-Fetch-Site, which no page can forge (W3C, Fetch Metadata Request Headers); older ones send
 * at least an Origin with what a page of another site has them send.
 */
export function isSameOrigin({ headers, url }: Pick<Request, 'headers' | 'url'>): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== null) return site === 'same-origin' || site === 'none';
  const origin = headers.get('origin');
  return origin === null || hostOf(origin) === hostOf(url);
}

/** Without the scheme: behind a proxy that speaks TLS the request itself came by http. */
function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}
