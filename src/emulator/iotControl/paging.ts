import { iotError } from './errors.ts';

/** AWS's largest page of these lists. */
const MAX_PAGE = 250;

/**
 * One page of a list. Markers are positions, base64 as AWS's opaque ones look.
 * Throws InvalidRequestException for a page size or marker that is none.
 */
export function page<T>(
  items: readonly T[],
  query: URLSearchParams,
  names: { readonly size: string; readonly marker: string } = {
    size: 'pageSize',
    marker: 'marker',
  },
): { readonly items: readonly T[]; readonly next: string | undefined } {
  const size = Number(query.get(names.size) ?? MAX_PAGE);
  if (!Number.isInteger(size) || size < 1 || size > MAX_PAGE) {
    throw iotError.invalidRequest(`${names.size} must be from 1 to ${MAX_PAGE}`);
  }
  const marker = query.get(names.marker);
  const start =
    marker === null ? 0 : Number(Buffer.from(marker, 'base64').toString('utf8') || Number.NaN);
  if (!Number.isInteger(start) || start < 0) throw iotError.invalidRequest('Invalid marker');
  const end = start + size;
  return {
    items: items.slice(start, end),
    next: end < items.length ? Buffer.from(String(end)).toString('base64') : undefined,
  };
}
