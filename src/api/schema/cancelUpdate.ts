import { CourierError } from '../../shared/errors/courierError.ts';
import { updateNotFound } from '../../shared/store/updateControl.ts';
import { audit } from '../audit.ts';
import { allowReason } from '../input.ts';
import { perform } from '../perform.ts';
import { builder } from './builder.ts';
import { refTo, UpdateType } from './update.ts';

const CancelUpdateInput = builder.inputType('CancelUpdateInput', {
  description: 'An update to cancel.',
  fields: (t) => ({
    updateId: t.id({ required: true, description: 'The update.' }),
    reason: t.string({ description: 'Why: up to 500 characters, kept with the update.' }),
  }),
});

builder.mutationField('cancelUpdate', (t) =>
  t.field({
    type: UpdateType,
    authScopes: { role: 'operator' },
    description:
      'Cancels an update that is QUEUED or HELD; what stands behind it goes on. One that is being published cannot be taken back.',
    args: {
      input: t.arg({ type: CancelUpdateInput, required: true, description: 'The update.' }),
    },
    errors: {
      types: [CourierError],
      directResult: false,
      union: { name: 'CancelUpdateResult', description: 'What cancelUpdate answers.' },
      result: { name: 'CancelUpdateSuccess', description: 'It will not be published.' },
      dataField: { name: 'update', description: 'The update.' },
    },
    resolve: (_root, { input }, context) =>
      perform(context, 'cancelUpdate', async () => {
        const reason = allowReason(input.reason);
        const before = await context.updates.load(input.updateId);
        await context.control.cancel(input.updateId, context.actor, reason);
        const update = refTo(await context.updates.clear(input.updateId).load(input.updateId));
        if (update === undefined) throw updateNotFound(input.updateId);
        audit(context, {
          before: { state: before?.state ?? null },
          after: { state: 'CANCELED' },
        });
        return update;
      }),
  }),
);
