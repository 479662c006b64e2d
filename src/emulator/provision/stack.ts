import type { Account } from '../contract.ts';
import type { SeededNames } from '../world/seededNames.ts';
import { type PlainValue, resolveValue, type Scope } from './intrinsics.ts';
import { asText, TemplateError, type TemplateValue } from './template.ts';

/** One resource with its properties resolved. */
export interface StackResource {
  readonly logicalId: string;
  readonly type: string;
  /** What `Ref` gives: a pool's id, a client's id, a policy's name. */
  readonly physicalId: string;
  readonly properties: Readonly<Record<string, PlainValue>>;
}

type RawResource = Readonly<Record<string, TemplateValue>>;

/** A template's resources under the names that this account gives them. */
export class Stack implements Scope {
  readonly #account: Account;
  readonly #names: SeededNames;
  readonly #parameters: ReadonlyMap<string, string>;
  readonly #resources: ReadonlyMap<string, RawResource>;
  readonly #outputs: Readonly<Record<string, TemplateValue>>;
  /** Names being resolved, to refuse a circle instead of running into the stack's end. */
  readonly #resolving = new Set<string>();

  constructor(
    template: Readonly<Record<string, TemplateValue>>,
    account: Account,
    names: SeededNames,
  ) {
    this.#account = account;
    this.#names = names;
    this.#parameters = new Map(
      Object.entries(mapping(template['Parameters'] ?? {}, 'Parameters')).map(([name, value]) => {
        const fallback = mapping(value, name)['Default'];
        if (fallback === undefined) throw new TemplateError(`Parameter ${name} has no Default`);
        return [name, asText(fallback, `Default of ${name}`)];
      }),
    );
    this.#resources = new Map(
      Object.entries(mapping(template['Resources'], 'Resources')).map(([name, value]) => [
        name,
        mapping(value, name),
      ]),
    );
    this.#outputs = mapping(template['Outputs'] ?? {}, 'Outputs');
  }

  ofType(type: string): readonly StackResource[] {
    return [...this.#resources]
      .filter(([, resource]) => resource['Type'] === type)
      .map(([logicalId]) => this.#resource(logicalId));
  }

  /** The one resource of a type; throws TemplateError where there are none or several. */
  only(type: string): StackResource {
    const [first, second] = this.ofType(type);
    if (first === undefined || second !== undefined) {
      throw new TemplateError(`The template must have exactly one ${type}`);
    }
    return first;
  }

  types(): ReadonlySet<string> {
    return new Set(
      [...this.#resources.values()].map((resource) => asText(resource['Type'], 'Type')),
    );
  }

  outputs(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(this.#outputs).map(([name, output]) => [
        name,
        asText(resolveValue(mapping(output, name)['Value'] ?? null, this), name),
      ]),
    );
  }

  ref(name: string): string {
    const { region, accountId } = this.#account;
    switch (name) {
      case 'AWS::Region':
        return region;
      case 'AWS::AccountId':
        return accountId;
      case 'AWS::Partition':
        return 'aws';
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      case 'AWS::StackName':
        return 'shadow-courier';
      default:
        return this.#parameters.get(name) ?? this.#physicalId(name);
    }
  }

  attribute(resource: string, attribute: string): string {
    const { region, accountId } = this.#account;
    const id = this.#physicalId(resource);
    const type = asText(this.#raw(resource)['Type'], 'Type');
    switch (`${type} ${attribute}`) {
      case 'AWS::Cognito::UserPool ProviderName':
        return `cognito-idp.${region}.amazonaws.com/${id}`;
      case 'AWS::Cognito::UserPool ProviderURL':
        return `https://cognito-idp.${region}.amazonaws.com/${id}`;
      case 'AWS::Cognito::UserPool UserPoolId':
      case 'AWS::Cognito::UserPoolClient ClientId':
      case 'AWS::IoT::Policy Id':
        return id;
      case 'AWS::Cognito::UserPool Arn':
        return `arn:aws:cognito-idp:${region}:${accountId}:userpool/${id}`;
      case 'AWS::IAM::Role Arn':
        return `arn:aws:iam::${accountId}:role/${id}`;
      case 'AWS::IAM::Role RoleId':
        return this.#names.roleId(id);
      case 'AWS::IoT::Policy Arn':
        return `arn:aws:iot:${region}:${accountId}:policy/${id}`;
      default:
        throw new TemplateError(`${type} has no attribute ${attribute} that is known here`);
    }
  }

  #resource(logicalId: string): StackResource {
    const raw = this.#raw(logicalId);
    const properties = resolveValue(raw['Properties'] ?? {}, this);
    return {
      logicalId,
      type: asText(raw['Type'], 'Type'),
      physicalId: this.#physicalId(logicalId),
      properties: properties as Readonly<Record<string, PlainValue>>,
    };
  }

  #raw(logicalId: string): RawResource {
    const raw = this.#resources.get(logicalId);
    if (raw === undefined) throw new TemplateError(`The template has nothing named ${logicalId}`);
    return raw;
  }

  /** Named resources are called by their name property, the rest as the account names them. */
  #physicalId(logicalId: string): string {
    const raw = this.#raw(logicalId);
    switch (raw['Type']) {
      case 'AWS::Cognito::UserPool':
        return this.#names.userPoolId(this.#account.region);
      case 'AWS::Cognito::UserPoolClient':
        return this.#names.clientId();
      case 'AWS::Cognito::IdentityPool':
        return `${this.#account.region}:${this.#names.uuid(`identity-pool:${logicalId}`)}`;
      case 'AWS::IAM::Role':
        return this.#named(logicalId, raw, 'RoleName');
      case 'AWS::IAM::ManagedPolicy':
        return `arn:aws:iam::${this.#account.accountId}:policy/${this.#named(logicalId, raw, 'ManagedPolicyName')}`;
      case 'AWS::IoT::Policy':
        return this.#named(logicalId, raw, 'PolicyName');
      default:
        return `shadow-courier-${logicalId}`;
    }
  }

  #named(logicalId: string, raw: RawResource, property: string): string {
    const name = mapping(raw['Properties'] ?? {}, logicalId)[property];
    if (name === undefined) return `shadow-courier-${logicalId}`;
    if (this.#resolving.has(logicalId)) {
      throw new TemplateError(`The name of ${logicalId} refers to itself`);
    }
    this.#resolving.add(logicalId);
    try {
      return asText(resolveValue(name, this), property);
    } finally {
      this.#resolving.delete(logicalId);
    }
  }
}

function mapping(value: TemplateValue | undefined, name: string): RawResource {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TemplateError(`${name} must be a mapping`);
  }
  return value as RawResource;
}
