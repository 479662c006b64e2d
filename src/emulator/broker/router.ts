/**
 * Who gets a message. Filters without wildcards, nearly all in practice, are found in a map;
 * wildcard filters in a trie of topic levels that is only walked while there are any.
 */
import { isWildcard, type ParsedFilter } from './topics.ts';

export interface SubscriptionOptions {
  readonly qos: 0 | 1;
  /** MQTT 5: do not send the subscriber its own messages. */
  readonly noLocal: boolean;
  /** MQTT 5: keep the RETAIN flag of a forwarded message. */
  readonly retainAsPublished: boolean;
}

/** Members of a shared subscription take messages in turn. */
interface SharedGroup<S> {
  readonly members: Map<S, SubscriptionOptions>;
  turn: number;
}

interface Leaf<S> {
  readonly plain: Map<S, SubscriptionOptions>;
  readonly shared: Map<string, SharedGroup<S>>;
}

interface TrieNode<S> {
  readonly children: Map<string, TrieNode<S>>;
  leaf: Leaf<S> | undefined;
}

type Visit<S> = (subscriber: S, options: SubscriptionOptions) => void;

export class Router<S> {
  readonly #exact = new Map<string, Leaf<S>>();
  readonly #wild: TrieNode<S> = { children: new Map(), leaf: undefined };
  #wildCount = 0;
  #count = 0;

  /** Subscriptions of all subscribers. */
  get size(): number {
    return this.#count;
  }

  /** Adds or replaces; returns whether it is new. */
  add(subscriber: S, parsed: ParsedFilter, options: SubscriptionOptions): boolean {
    const wild = isWildcard(parsed.filter);
    const leaf = wild ? this.#growWild(parsed.filter) : this.#growExact(parsed.filter);
    const members = membersOf(leaf, parsed.group);
    const fresh = !members.has(subscriber);
    members.set(subscriber, options);
    if (fresh) {
      this.#count += 1;
      if (wild) this.#wildCount += 1;
    }
    return fresh;
  }

  /** Returns whether there was such a subscription. */
  remove(subscriber: S, parsed: ParsedFilter): boolean {
    const wild = isWildcard(parsed.filter);
    const removed = wild
      ? removeFromTrie(this.#wild, parsed.filter.split('/'), 0, subscriber, parsed.group)
      : this.#removeExact(subscriber, parsed);
    if (removed) {
      this.#count -= 1;
      if (wild) this.#wildCount -= 1;
    }
    return removed;
  }

  /** Whether anyone would get a message on this topic (Receive permission aside). */
  hasSubscribers(topic: string): boolean {
    if (this.#exact.has(topic)) return true;
    if (this.#wildCount === 0) return false;
    let found = false;
    this.#visitWild(topic, () => {
      found = true;
    });
    return found;
  }

  /**
   * Each subscriber once, with its highest QoS where filters overlap, and one member of each
   * shared subscription.
   */
  match(topic: string, visit: Visit<S>): void {
    const exact = this.#exact.get(topic);
    if (this.#wildCount === 0) {
      if (!exact) return;
      if (exact.shared.size === 0) {
        for (const [subscriber, options] of exact.plain) visit(subscriber, options);
        return;
      }
    }
    const best = new Map<S, SubscriptionOptions>();
    const collect = (leaf: Leaf<S>): void => {
      for (const [subscriber, options] of leaf.plain) {
        const known = best.get(subscriber);
        if (!known || known.qos < options.qos) best.set(subscriber, options);
      }
      for (const group of leaf.shared.values()) visitNext(group, visit);
    };
    if (exact) collect(exact);
    if (this.#wildCount > 0) this.#visitWild(topic, collect);
    for (const [subscriber, options] of best) visit(subscriber, options);
  }

  #visitWild(topic: string, visit: (leaf: Leaf<S>) => void): void {
    walk(this.#wild, topic.split('/'), 0, visit);
  }

  #growExact(filter: string): Leaf<S> {
    let leaf = this.#exact.get(filter);
    if (!leaf) {
      leaf = { plain: new Map(), shared: new Map() };
      this.#exact.set(filter, leaf);
    }
    return leaf;
  }

  #growWild(filter: string): Leaf<S> {
    let node = this.#wild;
    for (const level of filter.split('/')) {
      let child = node.children.get(level);
      if (!child) {
        child = { children: new Map(), leaf: undefined };
        node.children.set(level, child);
      }
      node = child;
    }
    node.leaf ??= { plain: new Map(), shared: new Map() };
    return node.leaf;
  }

  #removeExact(subscriber: S, parsed: ParsedFilter): boolean {
    const leaf = this.#exact.get(parsed.filter);
    if (!leaf || !removeMember(leaf, subscriber, parsed.group)) return false;
    if (isEmpty(leaf)) this.#exact.delete(parsed.filter);
    return true;
  }
}

function membersOf<S>(leaf: Leaf<S>, group: string | undefined): Map<S, SubscriptionOptions> {
  if (group === undefined) return leaf.plain;
  let shared = leaf.shared.get(group);
  if (!shared) {
    shared = { members: new Map(), turn: 0 };
    leaf.shared.set(group, shared);
  }
  return shared.members;
}

function removeMember<S>(leaf: Leaf<S>, subscriber: S, group: string | undefined): boolean {
  if (group === undefined) return leaf.plain.delete(subscriber);
  const shared = leaf.shared.get(group);
  if (!shared?.members.delete(subscriber)) return false;
  if (shared.members.size === 0) leaf.shared.delete(group);
  return true;
}

function isEmpty<S>(leaf: Leaf<S>): boolean {
  return leaf.plain.size === 0 && leaf.shared.size === 0;
}

function visitNext<S>(group: SharedGroup<S>, visit: Visit<S>): void {
  const members = [...group.members];
  const next = members[group.turn % members.length];
  group.turn += 1;
  if (next) visit(next[0], next[1]);
}

/** Wildcards in the first level do not match topics that begin with `$` (MQTT 4.7.2). */
function walk<S>(
  node: TrieNode<S>,
  levels: readonly string[],
  depth: number,
  visit: (leaf: Leaf<S>) => void,
): void {
  const wildcards = depth > 0 || levels[0]?.startsWith('$') !== true;
  const rest = wildcards ? node.children.get('#')?.leaf : undefined;
  if (rest) visit(rest);
  const level = levels[depth];
  if (level === undefined) {
    if (node.leaf) visit(node.leaf);
    return;
  }
  const exact = node.children.get(level);
  if (exact) walk(exact, levels, depth + 1, visit);
  const plus = wildcards ? node.children.get('+') : undefined;
  if (plus) walk(plus, levels, depth + 1, visit);
}

function removeFromTrie<S>(
  node: TrieNode<S>,
  levels: readonly string[],
  depth: number,
  subscriber: S,
  group: string | undefined,
): boolean {
  const level = levels[depth];
  if (level === undefined) {
    if (!node.leaf || !removeMember(node.leaf, subscriber, group)) return false;
    if (isEmpty(node.leaf)) node.leaf = undefined;
    return true;
  }
  const child = node.children.get(level);
  if (!child || !removeFromTrie(child, levels, depth + 1, subscriber, group)) return false;
  if (child.children.size === 0 && !child.leaf) node.children.delete(level);
  return true;
}
