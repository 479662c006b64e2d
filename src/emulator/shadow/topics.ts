/** The reserved topics of shadows (aws-facts 2.1). */
import type { ShadowAddress } from './store.ts';

export type ShadowOperation = 'get' | 'update' | 'delete';

/** Letters that thing names and shadow names may have. */
export const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;
export const SHADOW_NAME = /^[$a-zA-Z0-9:_-]{1,64}$/;

export interface ShadowRequestTopic {
  readonly address: ShadowAddress;
  readonly operation: ShadowOperation;
}

function isOperation(text: string | undefined): text is ShadowOperation {
  return text === 'get' || text === 'update' || text === 'delete';
}

/** `$aws/things/{thing}/shadow[/name/{shadow}]`, the prefix of a shadow's topics. */
export function shadowPrefix(address: ShadowAddress): string {
  const classic = `$aws/things/${address.thing}/shadow`;
  return address.shadow === undefined ? classic : `${classic}/name/${address.shadow}`;
}

/** Reads a request topic; undefined for any other topic, the answers' included. */
export function parseShadowTopic(topic: string): ShadowRequestTopic | undefined {
  if (!topic.startsWith('$aws/things/')) return undefined;
  const [, , thing = '', marker, ...rest] = topic.split('/');
  if (marker !== 'shadow' || !THING_NAME.test(thing)) return undefined;
  const [first, shadow, operation] = rest;
  if (rest.length === 1 && isOperation(first)) return { address: { thing }, operation: first };
  if (rest.length !== 3 || first !== 'name' || !isOperation(operation)) return undefined;
  if (shadow === undefined || !SHADOW_NAME.test(shadow)) return undefined;
  return { address: { thing, shadow }, operation };
}
