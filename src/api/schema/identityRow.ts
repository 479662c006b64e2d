import type { Identity } from '../../shared/domain/identity.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import type { ApiContext } from '../context.ts';
import { costs } from '../limits/fieldCost.ts';
import type { MutationName } from '../metrics.ts';
import { builder } from './builder.ts';
import { type ErrorData, errorData, ErrorInterface } from './error.ts';
import type { FieldsOf } from './fieldsOf.ts';
import { IdentityType } from './identity.ts';

export const MAX_IDENTITIES = 1000;

/** Rows that are worked on at once: enough to keep Redis busy, too few to keep others waiting. */
const AT_ONCE = 100;

export interface IdentityRow {
  readonly index: number;
  readonly identity?: Identity | undefined;
  readonly error?: ErrorData | undefined;
}

/** What every row has; `identity` is the description of that field. */
export function rowFields(t: FieldsOf<IdentityRow>, identity: string) {
  return {
    index: t.exposeInt('index', { description: 'Its place in the request, from 0.' }),
    identity: t.field({
      type: IdentityType,
      nullable: true,
      description: identity,
      resolve: (row) => row.identity,
    }),
    error: t.field({
      type: ErrorInterface,
      nullable: true,
      description: 'What is wrong, where the row was refused.',
      resolve: ({ error }) => error,
    }),
  };
}

interface Answer {
  readonly rows: readonly IdentityRow[];
}

export function refusedField(t: FieldsOf<Answer>) {
  return t.int({
    description: 'How many rows were refused.',
    resolve: ({ rows }) => rows.filter(({ error }) => error !== undefined).length,
  });
}

const IdentityRowType = builder.objectRef<IdentityRow>('IdentityRow').implement({
  description: 'What became of one row: an identity, or an error.',
  fields: (t) => rowFields(t, 'The identity as it stands now, where the row was done.'),
});

/** What a mutation on many identities answers: `<name>Success`, with a row for each. */
export function identityRows(name: string) {
  return builder.objectRef<Answer>(`${name}Success`).implement({
    description: 'The request was taken; its rows say which of them were done.',
    fields: (t) => ({
      rows: t.field({
        type: [IdentityRowType],
        extensions: costs({ answersRows: true }),
        description: 'A row for each identity, in their order.',
        resolve: ({ rows }) => rows,
      }),
      done: t.int({
        description: 'How many rows were done.',
        resolve: ({ rows }) => rows.filter(({ error }) => error === undefined).length,
      }),
      refused: refusedField(t),
    }),
  });
}

/** @throws TOO_MANY_IDENTITIES */
export function requireFewIdentities(count: number): void {
  if (count <= MAX_IDENTITIES) return;
  throw new CourierError(
    'TOO_MANY_IDENTITIES',
    `${count} identities, and one operation takes ${MAX_IDENTITIES}.`,
    'Send them in parts.',
  );
}

/** Does each row by itself, and counts what became of it; an outage ends all of them. */
export async function eachRow<Item>(
  items: readonly Item[],
  mutation: MutationName,
  context: ApiContext,
  work: (item: Item, index: number) => Promise<Omit<IdentityRow, 'index' | 'error'>>,
): Promise<readonly IdentityRow[]> {
  const rows: IdentityRow[] = [];
  const one = async (item: Item, index: number) => {
    try {
      rows[index] = { index, ...(await work(item, index)) };
      context.metrics.rows.inc({ mutation, code: 'ACCEPTED' });
    } catch (error) {
      if (!(error instanceof CourierError) || error.code === 'STORE_UNAVAILABLE') throw error;
      rows[index] = { index, error: errorData(error, items[index]) };
      context.metrics.rows.inc({ mutation, code: error.code });
    }
  };
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const part = items.slice(from, from + AT_ONCE);
    await Promise.all(part.map((item, at) => one(item, from + at)));
  }
  return rows;
}
