import type { Account } from '../contract.ts';
import { type CompiledPolicy, compilePolicy } from '../policy/compiled.ts';
import { MalformedPolicy, parsePolicy } from '../policy/document.ts';
import type { PoliciesInForce } from '../policy/policiesInForce.ts';
import type { Propagation } from '../policy/propagation.ts';
import { iotError } from './errors.ts';

/** AWS: "Policy document size: 2,048 characters, excluding white space". */
const MAX_DOCUMENT_CHARACTERS = 2048;
/** AWS: "Maximum number of named policy versions: 5". */
const MAX_VERSIONS = 5;

export interface PolicyVersion {
  readonly versionId: string;
  readonly document: string;
  readonly compiled: CompiledPolicy;
  readonly createdAtMs: number;
}

export interface IotPolicy {
  readonly name: string;
  readonly arn: string;
  readonly createdAtMs: number;
  readonly generationId: string;
  readonly versions: Map<string, PolicyVersion>;
  defaultVersionId: string;
  nextVersion: number;
  modifiedAtMs: number;
}

/** A policy as JSON data. */
export interface StoredPolicy extends Omit<IotPolicy, 'versions'> {
  readonly versions: readonly Omit<PolicyVersion, 'compiled'>[];
}

export interface PolicyStoreParts {
  readonly account: Account;
  readonly inForce: PoliciesInForce;
  readonly propagation: Propagation;
  readonly now: () => number;
  readonly newId: () => string;
}

/** The account's IoT policies as the control plane shows them, at once and without delay. */
export class PolicyStore {
  readonly #policies = new Map<string, IotPolicy>();
  readonly #parts: PolicyStoreParts;

  constructor(parts: PolicyStoreParts) {
    this.#parts = parts;
  }

  /** Throws ResourceNotFoundException. */
  get(name: string): IotPolicy {
    const policy = this.#policies.get(name);
    if (policy === undefined) throw iotError.policyNotFound(name);
    return policy;
  }

  /** Throws ResourceAlreadyExistsException or MalformedPolicyException. */
  create(name: string, document: string): IotPolicy {
    const policy = this.#add(name, document);
    this.#propagate(policy);
    return policy;
  }

  /** A policy of the template: the stack was made long ago, so it is in force at once. */
  provision(name: string, document: string): void {
    const { compiled } = this.defaultVersion(this.#add(name, document));
    this.#parts.inForce.setDocument(name, compiled);
  }

  #add(name: string, document: string): IotPolicy {
    if (this.#policies.has(name)) throw iotError.policyExists(name);
    const { account, now, newId } = this.#parts;
    const version = this.#newVersion('1', document);
    const policy: IotPolicy = {
      name,
      arn: `arn:aws:iot:${account.region}:${account.accountId}:policy/${name}`,
      createdAtMs: now(),
      generationId: newId(),
      versions: new Map([[version.versionId, version]]),
      defaultVersionId: version.versionId,
      nextVersion: 2,
      modifiedAtMs: now(),
    };
    this.#policies.set(name, policy);
    return policy;
  }

  all(): readonly IotPolicy[] {
    return [...this.#policies.values()];
  }

  /** Throws DeleteConflictException while it is attached or has other versions. */
  remove(name: string, isAttached: boolean): void {
    const policy = this.get(name);
    if (isAttached) throw iotError.deleteConflict(`The policy ${name} is attached to a target`);
    if (policy.versions.size > 1) {
      throw iotError.deleteConflict(`The policy ${name} has versions beside its default`);
    }
    this.#policies.delete(name);
    this.#parts.propagation.change(() => this.#parts.inForce.removeDocument(name));
  }

  /** Throws VersionsLimitExceededException at the sixth, or MalformedPolicyException. */
  addVersion(name: string, document: string, isDefault: boolean): PolicyVersion {
    const policy = this.get(name);
    if (policy.versions.size >= MAX_VERSIONS) throw iotError.versionsLimit(name);
    const version = this.#newVersion(String(policy.nextVersion), document);
    policy.versions.set(version.versionId, version);
    policy.nextVersion += 1;
    policy.modifiedAtMs = this.#parts.now();
    if (isDefault) this.setDefault(name, version.versionId);
    return version;
  }

  /** Throws ResourceNotFoundException. */
  version(name: string, versionId: string): PolicyVersion {
    const version = this.get(name).versions.get(versionId);
    if (version === undefined) throw iotError.versionNotFound(name, versionId);
    return version;
  }

  setDefault(name: string, versionId: string): void {
    const policy = this.get(name);
    policy.defaultVersionId = this.version(name, versionId).versionId;
    policy.modifiedAtMs = this.#parts.now();
    this.#propagate(policy);
  }

  /** Throws DeleteConflictException for the default version. */
  removeVersion(name: string, versionId: string): void {
    const policy = this.get(name);
    if (this.version(name, versionId).versionId === policy.defaultVersionId) {
      throw iotError.deleteConflict(`Version ${versionId} is the default of policy ${name}`);
    }
    policy.versions.delete(versionId);
  }

  /** Takes a policy back as it was, in force at once. */
  restore(stored: StoredPolicy): void {
    const policy: IotPolicy = {
      ...stored,
      versions: new Map(
        stored.versions.map((version) => [
          version.versionId,
          { ...version, compiled: compileDocument(version.document) },
        ]),
      ),
    };
    this.#policies.set(policy.name, policy);
    this.#parts.inForce.setDocument(policy.name, this.defaultVersion(policy).compiled);
  }

  /** The version that counts. */
  defaultVersion(policy: IotPolicy): PolicyVersion {
    const version = policy.versions.get(policy.defaultVersionId);
    if (version === undefined) throw new Error(`policy ${policy.name} has no default version`);
    return version;
  }

  #newVersion(versionId: string, document: string): PolicyVersion {
    return {
      versionId,
      document,
      compiled: compileDocument(document),
      createdAtMs: this.#parts.now(),
    };
  }

  #propagate(policy: IotPolicy): void {
    const { inForce, propagation } = this.#parts;
    const { compiled } = this.defaultVersion(policy);
    propagation.change(() => inForce.setDocument(policy.name, compiled));
  }
}

function compileDocument(document: string): CompiledPolicy {
  if (document.replace(/\s/g, '').length > MAX_DOCUMENT_CHARACTERS) {
    throw iotError.malformedPolicy(
      `Policy document is longer than ${MAX_DOCUMENT_CHARACTERS} characters, white space not counted`,
    );
  }
  try {
    return compilePolicy(parsePolicy(document));
  } catch (error) {
    if (error instanceof MalformedPolicy) throw iotError.malformedPolicy(error.message);
    throw error;
  }
}
