import { createHash } from 'node:crypto';
import type { Plugin } from 'graphql-yoga';

/** Nothing may be loaded, run or framed: answers are data. */
const DATA_ONLY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/** Two years, as https://hstspreload.org asks for at least one. */
const HSTS = 'max-age=63072000';

/**
 * What every answer carries, whatever made it. A page replaces the policy by its own; browsers
 * heed HSTS over TLS only.
 */
export function securityHeaders(tls: boolean): readonly (readonly [name: string, value: string])[] {
  return [
    ['content-security-policy', DATA_ONLY],
    ['x-content-type-options', 'nosniff'],
    ['x-frame-options', 'DENY'],
    ['referrer-policy', 'no-referrer'],
    ['cross-origin-resource-policy', 'same-origin'],
    ['cross-origin-opener-policy', 'same-origin'],
    ['cache-control', 'no-store'],
    ...(tls ? [['strict-transport-security', HSTS] as const] : []),
  ];
}

const INLINE_SCRIPT = /<script(?![^>]*\bsrc=)[^>]*>([^]*?)<\/script>/g;

/**
 * Lets GraphiQL's page run the scripts that stand in it, by their hashes, and speak to this API;
 * nothing from elsewhere. Its editor writes styles as it goes, and keeps workers in blobs.
 */
export function usePagePolicy(render: () => string): Plugin {
  let policy: string | undefined;
  return {
    onResponse({ response }) {
      if (!response.headers.get('content-type')?.startsWith('text/html')) return;
      policy ??= pagePolicy(render());
      response.headers.set('content-security-policy', policy);
    },
  };
}

function pagePolicy(page: string): string {
  const hashes = [...page.matchAll(INLINE_SCRIPT)].map(
    ([, script = '']) => `'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  );
  return [
    "default-src 'none'",
    `script-src ${hashes.join(' ')}`,
    "style-src 'unsafe-inline'",
    'font-src data:',
    'img-src data:',
    "connect-src 'self'",
    'worker-src blob:',
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}
