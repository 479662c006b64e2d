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

/** What a mutation costs besides what it answers. */
const MUTATION = 10;
/** What each entry of a list in a mutation's input costs. */
const ROW = 0.1;
/** As many entries a list is taken to have where nothing says how many. */
const USUAL_LIST = 10;
/** What a look at the schema costs, however deep. */
const INTROSPECTION = 100;

type Variables = Readonly<Record<string, unknown>>;

/**
 * What an operation costs before it runs: a point for each object that it may answer, nothing for
 * scalars. A page counts as many entries as `first` says, `ids` as many as there are, and a
 * mutation 10 more and a tenth of a point a row. A field that only a false `@include` would leave
 * out counts all the same.
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
  const answer = walk.selection(operation.selectionSet, root, undefined);
  if (operation.operation !== OperationTypeNode.MUTATION) return answer;
  return answer + walk.mutations(operation.selectionSet);
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

  /** `page` is how many entries the lists of the object have, where it is a page. */
  selection(node: SelectionSetNode, type: GraphQLNamedType, page: number | undefined): number {
    let cost = 0;
    for (const selection of node.selections) {
      if (selection.kind === Kind.FIELD) {
        const { name, arguments: given = [], selectionSet } = selection;
        cost += this.#field(name.value, given, selectionSet, type, page);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        cost += this.selection(selection.selectionSet, this.#type(condition) ?? type, page);
      } else {
        cost += this.#spread(selection.name.value, page);
      }
    }
    return cost;
  }

  /** What the mutations of an operation cost by being some, and by the rows that they are given. */
  mutations({ selections }: SelectionSetNode): number {
    let cost = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        cost += MUTATION + ROW * this.#rows(selection.arguments ?? []);
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

  #spread(name: string, page: number | undefined): number {
    const key = `${page ?? ''} ${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    // What is in itself is not valid, and costs nothing here.
    this.#known.set(key, 0);
    const fragment = this.#fragments.get(name);
    const type = this.#type(fragment?.typeCondition.name.value);
    const cost = fragment && type ? this.selection(fragment.selectionSet, type, page) : 0;
    this.#known.set(key, cost);
    return cost;
  }

  #field(
    name: string,
    given: readonly ArgumentNode[],
    selectionSet: SelectionSetNode | undefined,
    type: GraphQLNamedType,
    page: number | undefined,
  ): number {
    if (name === '__schema' || name === '__type') return INTROSPECTION;
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
    if (field === undefined || selectionSet === undefined) return 0;
    const named = getNamedType(field.type);
    if (isLeafType(named)) return 0;
    const size = this.#size(field, given);
    if (!isListType(getNullableType(field.type))) {
      return 1 + this.selection(selectionSet, named, size);
    }
    return (size ?? page ?? USUAL_LIST) * (1 + this.selection(selectionSet, named, undefined));
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

  /** The entries of the lists that a mutation is given. */
  #rows(given: readonly ArgumentNode[]): number {
    let rows = 0;
    for (const { name } of given) {
      const input = this.#value(given, name.value);
      if (typeof input !== 'object' || input === null) continue;
      for (const list of Array.isArray(input) ? [input] : Object.values(input)) {
        if (Array.isArray(list)) rows += list.length;
      }
    }
    return rows;
  }

  #type(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.#schema.getType(name);
  }
}
