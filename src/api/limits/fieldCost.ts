import type { GraphQLField } from 'graphql';

/** What a field costs beyond the objects that it answers. */
export interface FieldCost {
  /** Points for what it looks at, however little of that it answers. */
  readonly points?: number;
  /** Points more where its argument `filter` names something: what does not match is read too. */
  readonly filtered?: number;
  /** Whether its list has an entry for each row of the mutation that answers it. */
  readonly answersRows?: boolean;
}

/** Declares a cost beside the field that has it: `extensions: costs({ points: 250 })`. */
export function costs(cost: FieldCost): { readonly cost: FieldCost } {
  return { cost };
}

const NOTHING: FieldCost = {};

/** What a field was declared to cost. */
export function costOf({ extensions }: GraphQLField<unknown, unknown>): FieldCost {
  const { cost } = extensions;
  return typeof cost === 'object' && cost !== null ? cost : NOTHING;
}
