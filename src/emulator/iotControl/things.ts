import type { Account } from '../contract.ts';
import type { ConnectedThing } from '../policy/principalFacts.ts';
import { iotError } from './errors.ts';

export interface Thing extends ConnectedThing {
  readonly thingId: string;
  readonly thingArn: string;
  /** Starts at 1, one more with each update. */
  version: number;
  attributes: Readonly<Record<string, string>>;
  readonly principals: Set<string>;
}

export interface NewThing {
  readonly thingName: string;
  readonly thingTypeName?: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The registry. Shadows exist without it: AWS takes updates for things that are not in it. */
export class ThingRegistry {
  readonly #things = new Map<string, Thing>();
  readonly #account: Account;
  readonly #newId: () => string;
  /** Called when an answer of a policy could differ: a thing or its principals changed. */
  readonly #onChange: () => void;

  constructor(account: Account, newId: () => string, onChange: () => void) {
    this.#account = account;
    this.#newId = newId;
    this.#onChange = onChange;
  }

  /**
   * Creating a thing again with the same type and attributes gives it as it is; with others it
   * throws ResourceAlreadyExistsException (API reference of CreateThing).
   */
  create(thing: NewThing): Thing {
    const known = this.#things.get(thing.thingName);
    if (known !== undefined) {
      if (isSame(known, thing)) return known;
      throw iotError.thingExists(thing.thingName);
    }
    const { region, accountId } = this.#account;
    const created: Thing = {
      ...thing,
      thingId: this.#newId(),
      thingArn: `arn:aws:iot:${region}:${accountId}:thing/${thing.thingName}`,
      version: 1,
      principals: new Set(),
    };
    this.restore(created);
    return created;
  }

  restore(thing: Thing): void {
    this.#things.set(thing.thingName, thing);
    this.#onChange();
  }

  /** Throws ResourceNotFoundException. */
  get(thingName: string): Thing {
    const thing = this.#things.get(thingName);
    if (thing === undefined) throw iotError.thingNotFound(thingName);
    return thing;
  }

  /** Idempotent, as on AWS. Throws InvalidRequestException while a principal is attached. */
  remove(thingName: string): void {
    const thing = this.#things.get(thingName);
    if (thing !== undefined && thing.principals.size > 0)
      throw iotError.thingHasPrincipals(thingName);
    this.#things.delete(thingName);
    this.#onChange();
  }

  attach(thingName: string, principal: string): void {
    this.get(thingName).principals.add(principal);
    this.#onChange();
  }

  detach(thingName: string, principal: string): void {
    this.get(thingName).principals.delete(principal);
    this.#onChange();
  }

  attachedThing(thingName: string, principal: string): Thing | undefined {
    const thing = this.#things.get(thingName);
    return thing?.principals.has(principal) === true ? thing : undefined;
  }

  all(): readonly Thing[] {
    return [...this.#things.values()];
  }
}

function isSame(thing: Thing, other: NewThing): boolean {
  const names = Object.keys(thing.attributes);
  return (
    thing.thingTypeName === other.thingTypeName &&
    names.length === Object.keys(other.attributes).length &&
    names.every((name) => thing.attributes[name] === other.attributes[name])
  );
}
