import { CourierError } from '../../shared/errors/courierError.ts';

/** The types that `node` finds, by what their ids begin with. The ids stay as they are. */
const NODE_TYPES: ReadonlyMap<string, string> = new Map([
  ['idn', 'Identity'],
  ['upd', 'Update'],
  ['bat', 'Batch'],
  ['blk', 'BulkAction'],
  ['tok', 'ApiToken'],
  ['grp', 'Group'],
  ['aud', 'AuditEntry'],
  ['whk', 'Webhook'],
  ['whd', 'WebhookDelivery'],
]);

const MAX_NODES = 1000;

interface NodeId {
  readonly typename: string;
  readonly id: string;
}

/** What begins with nothing known is looked for among the updates, where it is not found. */
function decode(id: string): NodeId {
  return { typename: NODE_TYPES.get(id.split('_', 1)[0] ?? '') ?? 'Update', id };
}

/** How the relay plugin names and describes what it adds. */
export const RELAY_OPTIONS = {
  cursorType: 'String' as const,
  encodeGlobalID: (_typename: string, id: string | number | bigint) => String(id),
  decodeGlobalID: decode,
  nodeTypeOptions: { description: 'What has an id by which `node` finds it.' },
  idFieldOptions: { description: 'Its id, which stays.' },
  nodeQueryOptions: {
    authScopes: { role: 'viewer' as const },
    description: 'Whatever has the id; null where nothing has it, or it was pruned.',
    args: { id: { description: 'The id, as any answer gave it.' } },
  },
  nodesQueryOptions: {
    authScopes: { role: 'viewer' as const },
    description: `Up to ${MAX_NODES} of them, in the order of their ids; null where nothing has one.`,
    args: { ids: { description: 'The ids, as any answer gave them.' } },
    resolve: (
      _root: unknown,
      { ids }: { ids: readonly NodeId[] },
      _context: unknown,
      _info: unknown,
      load: (ids: NodeId[]) => Promise<unknown[]>,
    ) => {
      if (ids.length > MAX_NODES) throw tooManyIds(ids.length);
      return load([...ids]);
    },
  },
  pageInfoTypeOptions: { description: 'Where a page of a list begins and ends.' },
  hasNextPageFieldOptions: { description: 'Whether there is more after it.' },
  hasPreviousPageFieldOptions: { description: 'Whether it was asked for by a cursor.' },
  startCursorFieldOptions: {
    description: 'The cursor of its first entry; null where it is empty.',
  },
  endCursorFieldOptions: {
    description: 'What to give as `after` for the next page; null where this one is empty.',
  },
  pageInfoFieldOptions: { description: 'Where it begins and ends.' },
  edgesFieldOptions: { nullable: false as const, description: 'Its entries with their cursors.' },
  nodesOnConnection: { description: 'Its entries.' },
  nodeFieldOptions: { nullable: false as const, description: 'The entry.' },
  cursorFieldOptions: { description: 'Where it stands in the list.' },
};

function tooManyIds(count: number): CourierError {
  return new CourierError(
    'TOO_MANY_UPDATES',
    `${count} ids, and one query takes ${MAX_NODES}.`,
    'Ask for them in parts.',
  );
}
