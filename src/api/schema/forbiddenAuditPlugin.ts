import SchemaBuilder, {
  BasePlugin,
  type PothosOutputFieldConfig,
  type SchemaTypes,
} from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { CourierError } from '../../shared/errors/courierError.ts';
import { auditedInput } from '../auditedInput.ts';
import { auditRefusal } from '../auditRefusal.ts';
import type { ApiContext } from '../context.ts';

const PLUGIN = 'forbiddenAudit';

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      forbiddenAudit: ForbiddenAuditPlugin<Types>;
    }
  }
}

/**
 * A mutation that the caller's role may not do leaves an entry, too. It is refused outside of what
 * writes all other entries, so this stands outside of both.
 */
class ForbiddenAuditPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolve: GraphQLFieldResolver<unknown, Types['Context'], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    if (field.kind !== 'Mutation') return resolve;
    return (root, args, context, info) => {
      // A role is known at once, so that who has it needs no promise more.
      try {
        return resolve(root, args, context, info);
      } catch (error) {
        if (!(error instanceof CourierError && error.code === 'FORBIDDEN')) throw error;
        return auditRefusal(error, context as ApiContext, auditedInput(info, { ...args }));
      }
    };
  }
}

SchemaBuilder.registerPlugin(PLUGIN, ForbiddenAuditPlugin);

export default PLUGIN;
