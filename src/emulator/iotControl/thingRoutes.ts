import { type Input, InputReader, isRecord, parseInput } from '../http/input.ts';
import type { RestRoute } from '../http/restProtocol.ts';
import { iotError } from './errors.ts';
import { page } from './paging.ts';
import type { Thing, ThingRegistry } from './things.ts';

const THING_NAME = /^[a-zA-Z0-9:_-]{1,128}$/;
/** AWS: at most 50 attributes; three for a thing without a type. */
const MAX_ATTRIBUTES = 50;
const MAX_UNTYPED_ATTRIBUTES = 3;
const LIST_NAMES = { size: 'maxResults', marker: 'nextToken' };

const read = new InputReader(iotError.invalidRequest);

/** The registry's operations, REST-JSON. */
export function thingRoutes(things: ThingRegistry): readonly RestRoute[] {
  const summary = (thing: Thing) => ({
    thingName: thing.thingName,
    ...(thing.thingTypeName === undefined ? {} : { thingTypeName: thing.thingTypeName }),
    thingArn: thing.thingArn,
    attributes: thing.attributes,
    version: thing.version,
  });
  return [
    {
      operation: 'CreateThing',
      method: 'POST',
      path: '/things/{thingName}',
      answer: (exchange, { thingName = '' }) => {
        if (!THING_NAME.test(thingName)) {
          throw iotError.invalidRequest('thingName must be 1 to 128 characters of [a-zA-Z0-9:_-]');
        }
        const input = parseInput(exchange.body);
        const type = read.optionalString(input, 'thingTypeName');
        const attributes = readAttributes(input, type !== undefined);
        const thing = things.create({
          thingName,
          ...(type === undefined ? {} : { thingTypeName: type }),
          attributes,
        });
        return { thingName, thingArn: thing.thingArn, thingId: thing.thingId };
      },
    },
    {
      operation: 'DescribeThing',
      method: 'GET',
      path: '/things/{thingName}',
      answer: (_exchange, { thingName = '' }) => {
        const thing = things.get(thingName);
        return { ...summary(thing), defaultClientId: thingName, thingId: thing.thingId };
      },
    },
    {
      operation: 'DeleteThing',
      method: 'DELETE',
      path: '/things/{thingName}',
      answer: (_exchange, { thingName = '' }) => {
        things.remove(thingName);
        return {};
      },
    },
    {
      operation: 'ListThings',
      method: 'GET',
      path: '/things',
      answer: ({ query }) => {
        const name = query.get('attributeName');
        const value = query.get('attributeValue');
        const type = query.get('thingTypeName');
        const found = things
          .all()
          .filter((thing) => name === null || thing.attributes[name] === value)
          .filter((thing) => type === null || thing.thingTypeName === type);
        const { items, next } = page(found, query, LIST_NAMES);
        return { things: items.map(summary), ...(next === undefined ? {} : { nextToken: next }) };
      },
    },
    {
      operation: 'AttachThingPrincipal',
      method: 'PUT',
      path: '/things/{thingName}/principals',
      answer: (exchange, { thingName = '' }) => {
        things.attach(thingName, readPrincipal(exchange.headers['x-amzn-principal']));
        return {};
      },
    },
    {
      operation: 'DetachThingPrincipal',
      method: 'DELETE',
      path: '/things/{thingName}/principals',
      answer: (exchange, { thingName = '' }) => {
        things.detach(thingName, readPrincipal(exchange.headers['x-amzn-principal']));
        return {};
      },
    },
    {
      operation: 'ListThingPrincipals',
      method: 'GET',
      path: '/things/{thingName}/principals',
      answer: (exchange, { thingName = '' }) => {
        const { items, next } = page(
          [...things.get(thingName).principals],
          exchange.query,
          LIST_NAMES,
        );
        return { principals: items, ...(next === undefined ? {} : { nextToken: next }) };
      },
    },
  ];
}

function readAttributes(input: Input, isTyped: boolean): Readonly<Record<string, string>> {
  const payload = input['attributePayload'];
  if (payload === undefined || payload === null) return {};
  if (!isRecord(payload)) throw iotError.invalidRequest('attributePayload must be an object');
  const attributes = read.stringMap(payload, 'attributes');
  const most = isTyped ? MAX_ATTRIBUTES : MAX_UNTYPED_ATTRIBUTES;
  if (Object.keys(attributes).length > most) {
    throw iotError.invalidRequest(
      `A thing ${isTyped ? 'with' : 'without'} a type has at most ${most} attributes`,
    );
  }
  return { ...attributes };
}

/** The one header of this API: a Cognito identity id or a certificate's ARN. */
function readPrincipal(header: string | string[] | undefined): string {
  if (typeof header === 'string' && header !== '') return header;
  throw iotError.invalidRequest('principal is missing');
}
