import type { Courier, IdentityView } from '../client/courier.ts';
import type { Deployment } from '../local/deployment.ts';
import type { BareAws } from './bareAws.ts';
import type { Screen } from './screen.ts';

/** What the steps of the demo work with. */
export interface DemoContext {
  readonly deployment: Deployment;
  readonly courier: Courier;
  readonly aws: BareAws;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** Who updates are published as in the demo. */
export interface Cast {
  /** The user who owns device_1. */
  readonly first: IdentityView;
  /** The owners of the many. */
  readonly owners: readonly IdentityView[];
}
