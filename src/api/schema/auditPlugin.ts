import SchemaBuilder, {
  BasePlugin,
  type PothosOutputFieldConfig,
  type SchemaTypes,
} from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { CourierError } from '../../shared/errors/courierError.ts';
import { auditedInput } from '../auditedInput.ts';
import type { ApiContext } from '../context.ts';
import { withField } from '../inputField.ts';
import { countRefusal } from '../perform.ts';

const PLUGIN = 'audit';

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      audit: AuditPlugin<Types>;
    }
  }
}

/**
 * Every mutation leaves an entry in the audit log, by being one: nobody has to think of it. What is
 * refused gets the field of the input that it is about.
 */
class AuditPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolve: GraphQLFieldResolver<unknown, Types['Context'], object>,
    field: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    if (field.kind !== 'Mutation') return resolve;
    return async (root, args, context, info) => {
      const apiContext: ApiContext = context as ApiContext;
      let began = false;
      try {
        const input = auditedInput(info, args as Record<string, unknown>);
        return await apiContext.audit.run(input, async () => {
          began = true;
          return resolve(root, args, context, info);
        });
      } catch (error) {
        // What was refused later counted itself.
        if (!began && error instanceof CourierError)
          countRefusal(apiContext, info.fieldName, error);
        throw withField(error, (args as { readonly input?: unknown }).input);
      }
    };
  }
}

SchemaBuilder.registerPlugin(PLUGIN, AuditPlugin);

export default PLUGIN;
