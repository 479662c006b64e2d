import * as fc from 'fast-check';
import {
  getNamedType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  OperationTypeNode,
} from 'graphql';
import type { Operation } from './leastOperation.ts';

/** Begins every secret that an operation holds, so that a test finds what became of them. */
export const SECRET_MARK = 'secret-of-the-fuzz';

/** Ids of things that are there, for operations to name. */
export type KnownIds = readonly string[];

const MAX_DEPTH = 4;
const DEEPEST_LITERAL = 3;

const ODD: readonly unknown[] = [
  null,
  -1,
  0,
  1.5,
  2 ** 31,
  1e300,
  true,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e',
  '\'"`<script>',
  'a\r\nb: c',
  '__proto__',
  'x'.repeat(5000),
  '9999-99-99T00:00:00Z',
  [],
  [[null]],
  {},
  JSON.parse('{"__proto__":{"admin":true}}'),
];

type Draw = fc.GeneratorValue;

/**
 * Any operation that the schema has, and some that it has not: fields as they come, arguments and
 * variables of their types or of none. Long waits are not among them.
 */
export function anyOperation(schema: GraphQLSchema, ids: KnownIds): fc.Arbitrary<Operation> {
  return fc.gen().map((draw) => {
    const kind = draw(fc.constantFrom, OperationTypeNode.QUERY, OperationTypeNode.MUTATION);
    const root = schema.getRootType(kind);
    if (!root) throw new Error(`no ${kind}`);
    const maker = new Maker(schema, ids, draw);
    const selection = maker.selection(root, 0, draw(fc.integer, { min: 1, max: 3 }));
    const declared = maker.declarations.length === 0 ? '' : `(${maker.declarations.join(', ')})`;
    return { query: `${kind} ${declared} ${selection}`, variables: maker.variables };
  });
}

class Maker {
  readonly declarations: string[] = [];
  readonly variables: Record<string, unknown> = {};
  readonly #schema: GraphQLSchema;
  readonly #ids: KnownIds;
  readonly #draw: Draw;

  constructor(schema: GraphQLSchema, ids: KnownIds, draw: Draw) {
    this.#schema = schema;
    this.#ids = ids;
    this.#draw = draw;
  }

  selection(type: GraphQLNamedType, depth: number, most = 4): string {
    const fields = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
    const all = Object.values(fields).filter(
      (field) => depth < MAX_DEPTH || isLeafType(getNamedType(field.type)),
    );
    const parts = ['__typename'];
    if (all.length > 0) {
      const count = this.#draw(fc.integer, { min: 1, max: most });
      for (let n = 0; n < count; n += 1) parts.push(this.#field(this.#one(all), depth, n));
    }
    if (isAbstractType(type)) {
      for (const one of this.#schema.getPossibleTypes(type)) {
        if (!this.#sometimes(2)) continue;
        parts.push(`... on ${one.name} ${this.selection(one, depth, 3)}`);
      }
    }
    if (this.#sometimes(20)) parts.push(this.#one(['nonsense', '__schema { queryType { name } }']));
    return `{ ${parts.join(' ')} }`;
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number, n: number): string {
    const given = field.args.filter((arg) => isRequiredArgument(arg) || this.#sometimes(2));
    const args = given.map((arg) => `${arg.name}: ${this.#argument(arg, depth)}`).join(', ');
    const named = getNamedType(field.type);
    const rest = isLeafType(named) ? '' : ` ${this.selection(named, depth + 1)}`;
    const directive = this.#sometimes(15) ? ` @include(if: ${this.#one(['true', 'false'])})` : '';
    // Under a name of its own, since the same field comes with other arguments again.
    return `a${depth}_${n}: ${field.name}${args && `(${args})`}${directive}${rest}`;
  }

  /** As a variable, mostly; or in the document. */
  #argument(arg: GraphQLArgument, depth: number): string {
    if (this.#sometimes(6)) return this.#literal(this.#value(arg, arg.type), 0);
    const name = `v${depth}_${this.declarations.length}`;
    this.declarations.push(`$${name}: ${arg.type}`);
    this.variables[name] = this.#value(arg, arg.type);
    return `$${name}`;
  }

  #value(place: GraphQLArgument | GraphQLInputField, type: GraphQLInputType): unknown {
    if (this.#sometimes(40)) return this.#one(ODD);
    if (isNonNullType(type)) return this.#value(place, type.ofType);
    if (isListType(type)) {
      const count = this.#draw(fc.integer, { min: 0, max: 3 });
      return Array.from({ length: count }, () => this.#value(place, type.ofType));
    }
    if (isEnumType(type)) return this.#one(type.getValues()).name;
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields());
      const given = type.isOneOf
        ? [this.#one(fields)]
        : fields.filter((field) => isRequiredInputField(field) || this.#sometimes(2));
      return Object.fromEntries(given.map((field) => [field.name, this.#value(field, field.type)]));
    }
    return this.#scalar(type.name);
  }

  #scalar(type: string): unknown {
    switch (type) {
      case 'ID':
        return this.#sometimes(3) ? this.#draw(fc.string) : this.#one(this.#ids);
      case 'Int':
        return this.#draw(fc.integer, { min: -2, max: 600 });
      case 'Float':
        return this.#draw(fc.double);
      case 'Boolean':
        return this.#draw(fc.boolean);
      case 'DateTime':
        return this.#one([
          '2100-01-01T00:00:00Z',
          '2020-01-01T00:00:00Z',
          new Date().toISOString(),
        ]);
      case 'Duration':
        return this.#one(['0s', '1ms', '5ms', 'soon', '999999999d']);
      case 'JSONObject':
        return this.#draw(fc.dictionary, fc.string(), fc.jsonValue({ maxDepth: 3 }), {
          maxKeys: 4,
        });
      case 'Secret':
        return `${SECRET_MARK}-${this.#draw(fc.string)}`;
      case 'ThingName':
      case 'ShadowName':
        return this.#one(['device_1', 'device_2', 'settings', 'a b', '']);
      default:
        return this.#sometimes(3) ? this.#one(['alice', 'ci', 'a reason']) : this.#draw(fc.string);
    }
  }

  /** GraphQL's own notation, which is JSON's but for the names in objects. */
  #literal(value: unknown, depth: number): string {
    if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
    if (depth > DEEPEST_LITERAL) return 'null';
    if (Array.isArray(value))
      return `[${value.map((one) => this.#literal(one, depth + 1)).join(' ')}]`;
    const fields = Object.entries(value).filter(([name]) => /^[A-Za-z_]\w*$/.test(name));
    return `{${fields.map(([name, one]) => `${name}: ${this.#literal(one, depth + 1)}`).join(' ')}}`;
  }

  #sometimes(oneIn: number): boolean {
    return this.#draw(fc.nat, { max: oneIn - 1 }) === 0;
  }

  #one<T>(from: readonly T[]): T {
    const at = this.#draw(fc.nat, { max: Math.max(0, from.length - 1) });
    return from[at] as T;
  }
}
