import type { GraphQLField, GraphQLObjectType, GraphQLResolveInfo } from 'graphql';
import { isRole, type Role } from '../../shared/domain/roles.ts';
import { CourierError } from '../../shared/errors/courierError.ts';

/** A rule of a field or a type, as `authScopes` has it. */
export interface AuthScopes {
  /** The least role that may. */
  role: Role;
}

type Ruled = GraphQLField<unknown, unknown> | GraphQLObjectType;

/** The role that a field or a type of the built schema names as its rule; undefined for none. */
export function roleNeeded({ extensions }: Ruled): Role | undefined {
  const options: unknown = extensions.pothosOptions;
  if (typeof options !== 'object' || options === null || !('authScopes' in options)) {
    return undefined;
  }
  const rule = options.authScopes;
  if (typeof rule !== 'object' || rule === null || !('role' in rule)) return undefined;
  return typeof rule.role === 'string' && isRole(rule.role) ? rule.role : undefined;
}

/** The answer to a caller whose role does not reach a field. */
export function forbidden({ parentType, fieldName }: GraphQLResolveInfo): CourierError {
  const field = parentType.getFields()[fieldName];
  const needed = (field && roleNeeded(field)) ?? roleNeeded(parentType) ?? 'admin';
  return new CourierError(
    'FORBIDDEN',
    `${parentType.name}.${fieldName} needs the role ${needed}.`,
    `Ask with a token of the role ${needed} or above; docs/roles.md lists what each role may do.`,
  );
}
