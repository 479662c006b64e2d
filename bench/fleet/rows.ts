import { batch } from './rows/batch.ts';
import type { Row } from './row.ts';

export const ROWS: readonly Row[] = [batch];
