import { eventCursor } from '../../../shared/domain/courierEvent.ts';
import type { ApiContext } from '../../context.ts';
import { beginEvent, type Placed } from '../../events/subscribe.ts';
import type { FieldsOf } from '../fieldsOf.ts';

export const AFTER_DESCRIPTION =
  'The cursor of the last event that was seen: what came after it is sent first. From now on unless given. Where that is not all there any more, CURSOR_EXPIRED says so.';

/** What every event has. */
export function placeFields(t: FieldsOf<Placed>) {
  return {
    cursor: t.string({
      description:
        'Where it stands: give it as `after`, or as the header Last-Event-ID, to go on behind it.',
      resolve: ({ place }) => eventCursor(place),
    }),
    at: t.field({
      type: 'DateTime',
      description: 'When it happened.',
      resolve: ({ place }) => place.ms,
    }),
  };
}

/** The resolver of a subscription's field: hands an event out. */
export function handOut<Payload extends Placed>(
  event: Payload,
  _args: unknown,
  context: ApiContext,
): Payload {
  beginEvent(context, event);
  return event;
}
