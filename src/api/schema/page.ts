import { CourierError } from '../../shared/errors/courierError.ts';
import type { Arguments } from './fieldsOf.ts';

/** The most entries that a page has. */
export const MAX_PAGE = 500;
const USUAL_PAGE = 50;

export interface PageArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
}

export interface Edge<Node> {
  readonly cursor: string;
  readonly node: Node;
}

/** The arguments of a list that is read forwards, page by page. */
export function pageArgs(arg: Arguments) {
  return {
    first: arg.int({ defaultValue: USUAL_PAGE, description: `How many: 1 to ${MAX_PAGE}.` }),
    after: arg.string({ description: 'The endCursor of the page before.' }),
  };
}

/** How many entries are asked for. @throws PAGE_INVALID */
export function pageSize({ first }: PageArgs): number {
  const size = first ?? USUAL_PAGE;
  if (size >= 1 && size <= MAX_PAGE) return size;
  throw new CourierError(
    'PAGE_INVALID',
    `A page has 1 to ${MAX_PAGE} entries.`,
    'Ask for the list in pages.',
  );
}

/**
 * A page as Relay wants it. `end` is the cursor of the last entry that was looked at, where that
 * is not the last one shown, since entries can go while they are read.
 */
export function toPage<Node>(
  edges: readonly Edge<Node>[],
  { after }: PageArgs,
  hasNextPage: boolean,
  end = edges.at(-1)?.cursor,
) {
  return {
    edges: [...edges],
    pageInfo: {
      hasNextPage,
      hasPreviousPage: typeof after === 'string',
      startCursor: edges[0]?.cursor ?? null,
      endCursor: end ?? null,
    },
  };
}
