import { article } from './rows/article.ts';
import { backlog } from './rows/backlog.ts';
import { batch } from './rows/batch.ts';
import { connections } from './rows/connections.ts';
import { latency } from './rows/latency.ts';
import { memory } from './rows/memory.ts';
import { quotas } from './rows/quotas.ts';
import { search } from './rows/search.ts';
import { single } from './rows/single.ts';
import { takeover } from './rows/takeover.ts';
import type { Row } from './row.ts';

/** In the order of the tables. */
export const ROWS: readonly Row[] = [
  batch,
  single,
  article,
  connections,
  latency,
  backlog,
  memory,
  search,
  takeover,
  quotas,
];
