import type { AUDIT_OUTCOMES, AuditEntry } from '../../shared/domain/audit.ts';
import { isRole } from '../../shared/domain/roles.ts';
import type { AuditFilter } from '../../shared/store/auditReader.ts';
import { costs } from '../limits/fieldCost.ts';
import { RoleEnum } from './apiToken.ts';
import { builder } from './builder.ts';
import { callerSource, CallerSourceEnum } from './caller.ts';
import { describedEnum } from './describedEnum.ts';
import { pageArgs, pageSize, toPage } from './page.ts';

const AuditOutcomeEnum = describedEnum('AuditOutcome', {
  description: 'How an action ended.',
  values: {
    DONE: 'It was done.',
    REFUSED: 'It was refused, and nothing changed.',
    UNKNOWN: 'It was begun, and whether it was done is not known: the process or Redis failed.',
  } satisfies Record<(typeof AUDIT_OUTCOMES)[number], string>,
});

const AuditEntryType = builder.objectRef<AuditEntry>('AuditEntry');

builder.node(AuditEntryType, {
  authScopes: { role: 'approver' },
  description: 'That somebody did something, or tried to. Entries never change.',
  id: { resolve: ({ id }) => id },
  loadOne: (id, context) =>
    context.gate.read(async () => {
      await context.auditBuffer.flush();
      return context.auditReader.find(id);
    }),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'beganAt' in value,
  fields: (t) => ({
    at: t.field({
      type: 'DateTime',
      description: 'When the entry was written, which is when the action had ended.',
      resolve: ({ at }) => at,
    }),
    beganAt: t.field({
      type: 'DateTime',
      description: 'When the action began.',
      resolve: ({ beganAt }) => beganAt,
    }),
    actor: t.exposeString('actor', { description: 'Who did it.' }),
    role: t.field({
      type: RoleEnum,
      nullable: true,
      description: 'The role that the actor had then; null where that was not written down.',
      resolve: ({ role }) => (isRole(role) ? role : undefined),
    }),
    source: t.field({
      type: CallerSourceEnum,
      nullable: true,
      description: 'What proved the actor; null where that was not written down.',
      resolve: ({ source }) => callerSource(source),
    }),
    action: t.exposeString('action', { description: 'What was done: the name of the mutation.' }),
    subjects: t.stringList({
      description: 'The ids and names of what it concerns, up to 20.',
      resolve: ({ subjects }) => [...subjects],
    }),
    reason: t.string({
      nullable: true,
      description: 'Why, where that was said.',
      resolve: ({ reason }) => reason,
    }),
    address: t.string({
      nullable: true,
      description: 'The network address that the request came from.',
      resolve: ({ address }) => address,
    }),
    userAgent: t.string({
      nullable: true,
      description: 'The program that sent the request, as it calls itself.',
      resolve: ({ userAgent }) => userAgent,
    }),
    requestId: t.string({
      nullable: true,
      description: 'The request, as its answer named it in the header x-request-id.',
      resolve: ({ requestId }) => requestId,
    }),
    input: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'What was asked for, without secrets and without what has no room.',
      resolve: ({ input }) => input,
    }),
    outcome: t.field({
      type: AuditOutcomeEnum,
      description: 'How it ended.',
      resolve: ({ outcome }) => outcome,
    }),
    code: t.string({
      nullable: true,
      description: 'The code of the error, where it did not succeed.',
      resolve: ({ code }) => code,
    }),
    before: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'How things stood before, where the action says it.',
      resolve: ({ before }) => before,
    }),
    after: t.field({
      type: 'JSONObject',
      nullable: true,
      description: 'How they stand after it, where the action says it.',
      resolve: ({ after }) => after,
    }),
  }),
});

const AuditFilterInput = builder.inputType('AuditFilter', {
  description: 'What entries must be to be listed; what is left out does not matter.',
  fields: (t) => ({
    actor: t.string({ description: 'Who did it.' }),
    action: t.string({ description: 'The name of the mutation.' }),
    subject: t.string({
      description:
        'An id or a name of what it concerns, as `subjects` tells it: "shard 3", for example.',
    }),
    outcome: t.field({ type: AuditOutcomeEnum, description: 'How it ended.' }),
    since: t.field({ type: 'DateTime', description: 'Not before this.' }),
    until: t.field({ type: 'DateTime', description: 'Not after this.' }),
  }),
});

const AuditConnection = builder.connectionObject(
  { name: 'AuditConnection', type: AuditEntryType, description: 'A page of the audit log.' },
  { name: 'AuditEdge', description: 'An entry of a page, and where it stands in the log.' },
);

builder.queryField('auditLog', (t) =>
  t.field({
    type: AuditConnection,
    extensions: costs({ filtered: 50 }),
    authScopes: { role: 'approver' },
    description:
      'What was done and tried, newest first, for AUDIT_RETENTION_DAYS and up to AUDIT_MAX_ENTRIES of each kind. One page looks at 10,000 entries at most: with a filter it may be short and yet have more behind it.',
    args: {
      ...pageArgs(t.arg),
      filter: t.arg({ type: AuditFilterInput, description: 'Which; all unless given.' }),
    },
    resolve: async (_root, args, context) => {
      const size = pageSize(args);
      const filter = present(args.filter ?? {});
      const { entries, hasMore, endCursor } = await context.gate.read(async () => {
        // Whoever asks sees what was done here before.
        await context.auditBuffer.flush();
        return context.auditReader.page(size, args.after ?? undefined, filter, context.signal);
      });
      const edges = entries.map(({ cursor, entry }) => ({ cursor, node: entry }));
      return toPage(edges, args, hasMore, endCursor);
    },
  }),
);

/** null in a filter means what leaving it out means. */
function present(filter: { readonly [Name in keyof AuditFilter]?: AuditFilter[Name] | null }) {
  return Object.fromEntries(
    Object.entries(filter).filter(([, value]) => value !== null),
  ) as AuditFilter;
}
