import type { CognitoPrincipal, RequestContext } from '../contract.ts';
import type { PrincipalFacts } from './authorizer.ts';

/** A thing as policy variables `${iot:Connection.Thing.…}` show it. */
export interface ConnectedThing {
  readonly thingName: string;
  readonly thingTypeName?: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface PrincipalFactSources {
  readonly identityPoolId: string;
  readonly providerName: string;
  readonly now: () => number;
  /**
   * The thing that a client id names where this identity is attached to it. AWS takes the
   * thing's name from the client id (developer guide, "Thing policy variables").
   */
  readonly attachedThing: (clientId: string, identityId: string) => ConnectedThing | undefined;
}

const THING = 'iot:connection.thing.';

/** Condition keys of IAM, of Cognito identities and of AWS IoT that follow from the principal. */
export function principalFactsOf(sources: PrincipalFactSources): PrincipalFacts {
  return (principal, request) => (lowerKey) => {
    if (lowerKey.startsWith(THING)) {
      return thingFact(sources, principal, request, lowerKey.slice(THING.length));
    }
    switch (lowerKey) {
      case 'cognito-identity.amazonaws.com:sub':
        return principal.identityId;
      case 'cognito-identity.amazonaws.com:aud':
        return sources.identityPoolId;
      case 'cognito-identity.amazonaws.com:amr':
        return ['authenticated', sources.providerName];
      case 'aws:userid':
        return principal.principalId;
      case 'aws:principalarn':
        return principal.roleArn;
      case 'aws:principaltype':
        return 'AssumedRole';
      case 'aws:securetransport':
        return 'true';
      case 'aws:currenttime':
        return new Date(sources.now()).toISOString();
      case 'aws:epochtime':
        return String(Math.floor(sources.now() / 1000));
      default:
        return undefined;
    }
  };
}

function thingFact(
  sources: PrincipalFactSources,
  principal: CognitoPrincipal,
  request: RequestContext,
  name: string,
): string | undefined {
  const clientId = request['iot:ClientId'];
  const thing =
    typeof clientId === 'string'
      ? sources.attachedThing(clientId, principal.identityId)
      : undefined;
  if (name === 'isattached') return String(thing !== undefined);
  if (thing === undefined) return undefined;
  if (name === 'thingname') return thing.thingName;
  if (name === 'thingtypename') return thing.thingTypeName;
  const attribute = /^attributes\[(.+)\]$/.exec(name)?.[1];
  const key = Object.keys(thing.attributes).find((one) => one.toLowerCase() === attribute);
  return key === undefined ? undefined : thing.attributes[key];
}
