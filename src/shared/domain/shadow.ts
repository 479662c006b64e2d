/** Thing and shadow names and the reserved topics of the Device Shadow service. */

/** AWS API reference, `thingName`: 1 to 128 of these characters. */
const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;
/** AWS API reference, `shadowName`: 1 to 64 of these characters. */
const SHADOW_NAME = /^[$a-zA-Z0-9:_-]{1,64}$/;

/** A shadow: a thing's classic one (no name), or one of its named shadows. */
export interface ShadowRef {
  readonly thing: string;
  readonly shadow?: string | undefined;
}

export function thingNameProblem(value: string): string | undefined {
  return THING_NAME.test(value)
    ? undefined
    : 'A thing name has 1 to 128 characters out of a-z, A-Z, 0-9, ":", "_" and "-".';
}

export function shadowNameProblem(value: string): string | undefined {
  return SHADOW_NAME.test(value)
    ? undefined
    : 'A shadow name has 1 to 64 characters out of a-z, A-Z, 0-9, "$", ":", "_" and "-"; leave it out for the classic shadow.';
}

/** `$aws/things/<thing>/shadow`, or with `/name/<shadow>`: the prefix of a shadow's topics. */
export function shadowTopic(ref: ShadowRef): string {
  const classic = `$aws/things/${ref.thing}/shadow`;
  return ref.shadow === undefined ? classic : `${classic}/name/${ref.shadow}`;
}
