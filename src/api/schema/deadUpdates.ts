import type { JsonObject } from '../../shared/domain/desired.ts';
import type { FinalState } from '../../shared/domain/sets.ts';
import { replayOf } from '../../shared/domain/replay.ts';
import type { Update } from '../../shared/domain/update.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { cursorOf } from '../../shared/store/deadUpdates.ts';
import { updateNotFound } from '../../shared/store/updateControl.ts';
import { endedWithin } from '../inlineWait.ts';
import { perform } from '../perform.ts';
import { builder } from './builder.ts';
import { pageArgs, pageSize, toPage } from './page.ts';
import { refTo, UpdateConnection, UpdateType } from './update.ts';
import { accept, KEY_DESCRIPTION, refOf, WAIT_DESCRIPTION } from './updateShadow.ts';

builder.queryField('deadUpdates', (t) =>
  t.field({
    type: UpdateConnection,
    authScopes: { role: 'viewer' },
    description:
      'The updates that FAILED or EXPIRED, newest first, as long as their records are kept (RETENTION_MS), and at most 10,000 a shard. replayUpdate sends one again.',
    args: pageArgs(t.arg),
    resolve: async (_root, args, context) => {
      const size = pageSize(args);
      const page = await context.gate.read(() => context.dead.page(size, args.after ?? undefined));
      const found = await Promise.all(page.updates.map(({ id }) => context.updates.load(id)));
      const edges = page.updates.flatMap((dead, at) => {
        const node = refTo(found[at]);
        return node === undefined ? [] : [{ cursor: cursorOf(dead), node }];
      });
      const last = page.updates.at(-1);
      return toPage(edges, args, page.hasMore, last && cursorOf(last));
    },
  }),
);

const ReplayUpdateInput = builder.inputType('ReplayUpdateInput', {
  description: 'An update to send again.',
  fields: (t) => ({
    updateId: t.id({ required: true, description: 'The update: FAILED, EXPIRED or CANCELED.' }),
    desired: t.field({
      type: 'JSONObject',
      description: 'Another document; as it was unless given.',
    }),
    expectedVersion: t.int({
      description:
        'Another version that the shadow must have; as it was unless given, and null for none.',
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'When the new one expires; never unless given.',
    }),
    wait: t.field({ type: 'Duration', description: WAIT_DESCRIPTION }),
    idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
  }),
});

const REPLAYABLE: readonly string[] = ['FAILED', 'EXPIRED', 'CANCELED'] satisfies FinalState[];

builder.mutationField('replayUpdate', (t) =>
  t.field({
    type: UpdateType,
    authScopes: { role: 'operator' },
    description:
      'Sends an update that ended without success again, as a new update at the end of its lane: through its group where that is still there, else as the same identity. The original stays as it is; `replayOf` and `replays` tell of each other.',
    args: {
      input: t.arg({ type: ReplayUpdateInput, required: true, description: 'The update.' }),
    },
    errors: {
      types: [CourierError],
      directResult: false,
      union: { name: 'ReplayUpdateResult', description: 'What replayUpdate answers.' },
      result: { name: 'ReplayUpdateSuccess', description: 'A new update was accepted.' },
      dataField: { name: 'update', description: 'The new update.' },
    },
    resolve: (_root, { input }, context) => {
      const take = async () => {
        const original = await context.updates.load(input.updateId);
        if (original === undefined) throw updateNotFound(input.updateId);
        if (!REPLAYABLE.includes(original.state)) throw notReplayable(original);
        const group = await context.groups.find(original.groupId ?? '');
        const asked = replayOf(original, group, {
          // Not known to be an object yet: `requestProblem` looks at it before anything is stored.
          desired: (input.desired as JsonObject | null | undefined) ?? original.desired,
          expectedVersion:
            input.expectedVersion === undefined
              ? original.expectedVersion
              : (input.expectedVersion ?? undefined),
          expiresAt: input.expiresAt ?? undefined,
        });
        const [row] = await accept([asked], input.idempotencyKey ?? undefined, context);
        if (row?.taken !== true) throw row?.error ?? new TypeError('a request without its row');
        return refOf(row, asked, context);
      };
      const taking = () => perform(context, 'replayUpdate', take);
      return endedWithin(context, input.wait, taking, ({ id }) => [id]);
    },
  }),
);

function notReplayable(update: Update): CourierError {
  return new CourierError(
    'UPDATE_NOT_REPLAYABLE',
    `${update.id} is ${update.state}.`,
    'Replay what is FAILED, EXPIRED or CANCELED; to change the shadow otherwise, send an update.',
  );
}
