/** What the holder of one connection may do, with the answers remembered per topic. */
import type {
  Account,
  Authorizer,
  CognitoPrincipal,
  Decision,
  IotAction,
  RequestContext,
} from '../contract.ts';

/** More topics than any well-behaved client uses; past it the answers are asked for again. */
const REMEMBERED_TOPICS = 4096;

const ALLOWED: Decision = { allowed: true };

export type ResourceKind = 'client' | 'topic' | 'topicfilter' | 'thing';

/** `arn:aws:iot:<region>:<account>:<kind>/<name>`. */
export function iotArn(account: Account, kind: ResourceKind, name: string): string {
  return `arn:aws:iot:${account.region}:${account.accountId}:${kind}/${name}`;
}

export class Permissions {
  readonly #authorizer: Authorizer;
  readonly #account: Account;
  readonly #principal: CognitoPrincipal | undefined;
  readonly #context: RequestContext;
  readonly #remembered = new Map<IotAction, Map<string, Decision>>();
  #generation: number;
  #count = 0;

  /** Without a principal the holder is the account's administrator. */
  constructor(
    authorizer: Authorizer,
    account: Account,
    principal: CognitoPrincipal | undefined,
    context: RequestContext,
  ) {
    this.#authorizer = authorizer;
    this.#account = account;
    this.#principal = principal;
    this.#context = context;
    this.#generation = authorizer.generation;
  }

  /** Changes whenever an answer may differ from one that was given before. */
  get generation(): number {
    return this.#authorizer.generation;
  }

  decide(action: IotAction, kind: ResourceKind, name: string): Decision {
    if (!this.#principal) return ALLOWED;
    if (this.#generation !== this.#authorizer.generation || this.#count > REMEMBERED_TOPICS) {
      this.#generation = this.#authorizer.generation;
      this.#remembered.clear();
      this.#count = 0;
    }
    let topics = this.#remembered.get(action);
    if (!topics) {
      topics = new Map();
      this.#remembered.set(action, topics);
    }
    const known = topics.get(name);
    if (known) return known;
    const arn = iotArn(this.#account, kind, name);
    const decision = this.#authorizer.decide(this.#principal, action, arn, this.#context);
    topics.set(name, decision);
    this.#count += 1;
    return decision;
  }
}
