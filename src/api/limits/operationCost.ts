import {
  type ArgumentNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  getNamedType,
  getNullableType,
  getOperationAST,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isInterfaceType,
  isLeafType,
  isListType,
  isObjectType,
  Kind,
  OperationTypeNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { costOf } from './fieldCost.ts';

/** What a mutation costs besides what it answers. */
const MUTATION = 10;
/** What each entry of a list in a mutation's input costs, and each object that answers for it. */
const ROW = 0.1;
/** As many entries a list is taken to have where nothing says how many. */
const USUAL_LIST = 10;
/** What a look at the schema costs, however deep. */
const INTROSPECTION = 100;

/** What the objects around a field know of the lists in them. */
interface Around {
  /** How many entries its lists have, where it is a page. */
  readonly page?: number | undefined;
  /** How many rows the mutation that it answers was given. */
  readonly rows?: number | undefined;
  /** Whether it answers for one row: what stands directly in it is known without a look. */
  readonly isRow?: boolean;
}

const NOWHERE: Around = {};

type Variables = Readonly<Record<string, unknown>>;

/**
 * What an operation costs before it runs: a point for each object that it may answer, nothing for
 * scalars. A page counts as many entries as `first` says, `ids` as many as there are, and a
 * mutation 10 more and a tenth of a point a row. What answers a row costs a tenth as well, and what
 * is asked below that in full, for every row that was sent. A field that looks at far more than it
 * answers adds what it declares (`costs`). A field that only a false `@include` would leave out
 * counts all the same.
 */
export function operationCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Variables,
): number {
  const operation = getOperationAST(document, operationName);
  const root = operation && schema.getRootType(operation.operation);
  if (!operation || !root) return 0;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      fragments.set(definition.name.value, definition);
    }
  }
  const defaults = new Map<string, ValueNode>();
  for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
    if (defaultValue !== undefined) defaults.set(variable.name.value, defaultValue);
  }
  const walk = new Walk(schema, fragments, variables, defaults);
  const answer = walk.selection(operation.selectionSet, root, NOWHERE);
  if (operation.operation !== OperationTypeNode.MUTATION) return answer;
  // A thousand tenths are no whole hundred otherwise.
  return Math.round((answer + walk.mutations(operation.selectionSet)) * 10) / 10;
}

class Walk {
  readonly #schema: GraphQLSchema;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #variables: Variables;
  /** What variables hold that the request does not give. */
  readonly #defaults: ReadonlyMap<string, ValueNode>;
  /** So that fragments which name each other twice cost no more to look at than once each. */
  readonly #known = new Map<string, number>();

  constructor(
    schema: GraphQLSchema,
    fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    variables: Variables,
    defaults: ReadonlyMap<string, ValueNode>,
  ) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#variables = variables;
    this.#defaults = defaults;
  }

  selection(node: SelectionSetNode, type: GraphQLNamedType, around: Around): number {
    let cost = 0;
    for (const selection of node.selections) {
      if (selection.kind === Kind.FIELD) {
        const { name, arguments: given = [], selectionSet } = selection;
        cost += this.#field(name.value, given, selectionSet, type, around);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        cost += this.selection(selection.selectionSet, this.#type(condition) ?? type, around);
      } else {
        cost += this.#spread(selection.name.value, around);
      }
    }
    return cost;
  }

  /** What the mutations of an operation cost by being some, and by the rows that they are given. */
  mutations({ selections }: SelectionSetNode): number {
    let cost = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const entries = this.#lists(selection.arguments ?? []).reduce((sum, size) => sum + size, 0);
        cost += MUTATION + ROW * entries;
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        cost += this.mutations(selection.selectionSet);
      } else {
        cost += this.#mutationsOf(selection.name.value);
      }
    }
    return cost;
  }

  #mutationsOf(fragment: string): number {
    const key = `mutations ${fragment}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, 0);
    const definition = this.#fragments.get(fragment);
    const cost = definition === undefined ? 0 : this.mutations(definition.selectionSet);
    this.#known.set(key, cost);
    return cost;
  }

  #spread(name: string, around: Around): number {
    const { page = '', rows = '', isRow = false } = around;
    const key = `${page} ${rows} ${isRow} ${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    // What is in itself is not valid, and costs nothing here.
    this.#known.set(key, 0);
    const fragment = this.#fragments.get(name);
    const type = this.#type(fragment?.typeCondition.name.value);
    const cost = fragment && type ? this.selection(fragment.selectionSet, type, around) : 0;
    this.#known.set(key, cost);
    return cost;
  }

  #field(
    name: string,
    given: readonly ArgumentNode[],
    selectionSet: SelectionSetNode | undefined,
    type: GraphQLNamedType,
    around: Around,
  ): number {
    if (name === '__schema' || name === '__type') return INTROSPECTION;
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
    if (field === undefined) return 0;
    const { points = 0, filtered = 0, answersRows = false } = costOf(field);
    const look = points + (filtered > 0 && this.#filters(given) ? filtered : 0);
    const named = getNamedType(field.type);
    if (selectionSet === undefined || isLeafType(named)) return look;
    const size = this.#size(field, given);
    const itself = around.isRow === true ? ROW : 1;
    if (!isListType(getNullableType(field.type))) {
      const isMutation = type === this.#schema.getMutationType();
      const rows = isMutation ? Math.max(0, ...this.#lists(given)) : around.rows;
      return look + itself + this.selection(selectionSet, named, { page: size, rows });
    }
    if (answersRows && around.rows !== undefined) {
      return look + around.rows * (ROW + this.selection(selectionSet, named, { isRow: true }));
    }
    const entries = size ?? around.page ?? USUAL_LIST;
    return look + entries * (itself + this.selection(selectionSet, named, NOWHERE));
  }

  /** Whether the argument `filter` names anything. */
  #filters(given: readonly ArgumentNode[]): boolean {
    const filter = this.#value(given, 'filter');
    return typeof filter === 'object' && filter !== null && Object.keys(filter).length > 0;
  }

  /** How many entries the arguments ask for. */
  #size(field: GraphQLField<unknown, unknown>, given: readonly ArgumentNode[]): number | undefined {
    for (const arg of field.args) {
      if (arg.name !== 'first' && arg.name !== 'ids') continue;
      for (const value of [this.#value(given, arg.name), arg.defaultValue]) {
        if (Array.isArray(value)) return value.length;
        if (typeof value === 'number' && value > 0) return value;
      }
    }
    return undefined;
  }

  /** An argument as far as its size goes: a number, a list, or an object of such. */
  #value(given: readonly ArgumentNode[], name: string): unknown {
    return this.#held(given.find((one) => one.name.value === name)?.value);
  }

  #held(value: ValueNode | undefined): unknown {
    switch (value?.kind) {
      case Kind.VARIABLE: {
        const { value: called } = value.name;
        const sent = this.#variables[called];
        // A default is a constant: it names no other variable.
        return sent === undefined ? this.#held(this.#defaults.get(called)) : sent;
      }
      case Kind.INT:
        return Number(value.value);
      case Kind.LIST:
        return value.values;
      case Kind.OBJECT:
        return Object.fromEntries(
          value.fields.map((field) => [field.name.value, this.#held(field.value)]),
        );
      default:
        return undefined;
    }
  }

  /** How many entries each list has that a mutation is given. */
  #lists(given: readonly ArgumentNode[]): number[] {
    return given.flatMap(({ name }) => {
      const input = this.#value(given, name.value);
      if (typeof input !== 'object' || input === null) return [];
      const lists = Array.isArray(input) ? [input] : Object.values(input);
      return lists.filter((list) => Array.isArray(list)).map(({ length }) => length);
    });
  }

  #type(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.#schema.getType(name);
  }
}
