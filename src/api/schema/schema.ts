import './scalars.ts';
import './error.ts';
import './identity.ts';
import './identityList.ts';
import './registerIdentities.ts';
import './identityEdits.ts';
import './group.ts';
import './update.ts';
import './updateShadow.ts';
import './updateSearch.ts';
import './updateFacets.ts';
import './batch.ts';
import './bulkAction.ts';
import './bulkActionChanges.ts';
import './shadow.ts';
import './cancelUpdate.ts';
import './deadUpdates.ts';
import './fleet.ts';
import './connectionActions.ts';
import './fleetActions.ts';
import './fleetTuning.ts';
import './pauseActions.ts';
import './auditLog.ts';
import './presence.ts';
import './webhooks/webhook.ts';
import './webhooks/webhookActions.ts';
import './webhooks/deliveryActions.ts';
import './events/updateEvents.ts';
import './events/batchEvents.ts';
import './events/identityEvents.ts';
import './events/fleetEvents.ts';
import './apiToken.ts';
import './apiTokenActions.ts';
import type { GraphQLSchema } from 'graphql';
import { builder } from './builder.ts';

export function buildSchema(): GraphQLSchema {
  return builder.toSchema();
}
