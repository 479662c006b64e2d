import {
  getNamedType,
  type GraphQLField,
  type GraphQLInputType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import type { OperationTypeNode } from 'graphql';

/** What a scalar takes; a scalar without a line here fails the test that needs one. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  ID: 'upd_nothing',
  String: 'nothing',
  Int: 1,
  Float: 1,
  Boolean: true,
  DateTime: '2100-01-01T00:00:00Z',
  JSONObject: { power: 'OFF' },
  ThingName: 'device_1',
  ShadowName: 'settings',
  Secret: 'a-secret-of-the-tests',
};

export interface Operation {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The smallest operation that asks for one root field, its required arguments as variables. */
export function leastOperation(
  operation: OperationTypeNode,
  field: GraphQLField<unknown, unknown>,
): Operation {
  const args = field.args.filter(isRequiredArgument);
  const declared = args.map(({ name, type }) => `$${name}: ${type}`).join(', ');
  const passed = args.map(({ name }) => `${name}: $${name}`).join(', ');
  const selection = isLeafType(getNamedType(field.type)) ? '' : ' { __typename }';
  const inBrackets = (text: string) => (text === '' ? '' : `(${text})`);
  return {
    query: `${operation} ${inBrackets(declared)} { ${field.name}${inBrackets(passed)}${selection} }`,
    variables: Object.fromEntries(args.map(({ name, type }) => [name, sample(type)])),
  };
}

function sample(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return sample(type.ofType);
  if (isListType(type)) return [sample(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    const required = type.isOneOf ? fields.slice(0, 1) : fields.filter(isRequiredInputField);
    return Object.fromEntries(required.map((field) => [field.name, sample(field.type)]));
  }
  if (type.name in SAMPLES) return SAMPLES[type.name];
  throw new Error(`no sample of ${type.name}`);
}
