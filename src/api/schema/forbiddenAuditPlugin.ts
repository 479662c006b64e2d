import SchemaBuilder, {
  BasePlugin,
  type PothosOutputFieldConfig,
  type SchemaTypes,
} from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { CourierError } from '../../shared/errors/courierError.ts';
import { auditedInput } from '../auditedInput.ts';
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
    return async (root, args, context, info) => {
      try {
        return await resolve(root, args, context, info);
      } catch (error) {
        if (!(error instanceof CourierError) || error.code !== 'FORBIDDEN') throw error;
        const apiContext: ApiContext = context as ApiContext;
        const input = auditedInput(info, args as Record<string, unknown>);
        // Where the log cannot be written, the answer is the same.
        await apiContext.audit.run(input, () => Promise.reject(error)).catch(() => undefined);
        throw error;
      }
    };
  }
}

SchemaBuilder.registerPlugin(PLUGIN, ForbiddenAuditPlugin);

export default PLUGIN;
