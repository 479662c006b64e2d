import {
  type Gap,
  type Presence,
  type PresenceObservation,
  type PresenceState,
} from '../../shared/domain/presence.ts';
import { thingNameProblem } from '../../shared/domain/shadow.ts';
import { CourierError } from '../../shared/errors/courierError.ts';
import { presenceCursor } from '../../shared/store/presenceReader.ts';
import { builder } from './builder.ts';
import { describedEnum } from './describedEnum.ts';
import { IdentityType } from './identity.ts';
import { pageArgs, pageSize, toPage } from './page.ts';

const PresenceStateEnum = describedEnum<PresenceState>('PresenceState', {
  description: 'Whether an MQTT client is connected to AWS IoT.',
  values: {
    ONLINE: 'It is connected.',
    OFFLINE: 'It was connected, and is not any more.',
    UNKNOWN: 'Nothing of it was observed so far.',
  },
});

const PresenceType = builder.objectRef<Presence>('Presence').implement({
  description:
    'What AWS IoT last told of an MQTT client: its state as of `observedAt`. Where `stale` says so, it may have changed since without anybody noticing.',
  fields: (t) => ({
    clientId: t.exposeString('clientId', { description: 'The MQTT client id.' }),
    state: t.expose('state', { type: PresenceStateEnum, description: 'Its state.' }),
    online: t.boolean({
      nullable: true,
      description: 'Whether it is connected; null where that is not known.',
      resolve: ({ state }) => (state === 'UNKNOWN' ? undefined : state === 'ONLINE'),
    }),
    since: t.field({
      type: 'DateTime',
      nullable: true,
      description: "Since when it is in this state, by AWS's clock.",
      resolve: ({ since }) => since,
    }),
    disconnectReason: t.string({
      nullable: true,
      description:
        "How its last connection ended, in AWS's word, for example CONNECTION_LOST or DUPLICATE_CLIENTID; null while it is connected.",
      resolve: ({ disconnectReason }) => disconnectReason,
    }),
    ipAddress: t.string({
      nullable: true,
      description: 'The address that it is connected from, where AWS told.',
      resolve: ({ ipAddress }) => ipAddress,
    }),
    observedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When this was observed.',
      resolve: ({ observedAt }) => observedAt,
    }),
    stale: t.boolean({
      description: 'Whether nobody observed for a while since then: a later event may be missing.',
      resolve: ({ unobservedMs }) => unobservedMs > 0,
    }),
    unobservedFor: t.field({
      type: 'Duration',
      description: 'For how long, in all; 0s where it is not stale.',
      resolve: ({ unobservedMs }) => unobservedMs,
    }),
  }),
});

const PresenceConnection = builder.connectionObject(
  { type: PresenceType, name: 'PresenceConnection', description: 'A page of a list of clients.' },
  {
    name: 'PresenceEdge',
    description: 'A client of a page, and where it stands in the list.',
  },
);

export const ThingType = builder.objectRef<{ readonly name: string }>('Thing').implement({
  description: 'A thing, by its name; AWS IoT may know of it or not.',
  fields: (t) => ({
    name: t.expose('name', { type: 'ThingName', description: 'Its name.' }),
    presence: t.field({
      type: PresenceType,
      description:
        'Whether its device is connected. A device is taken to connect with the name of its thing as its client id, as AWS advises; the presence of one that does not stands in `presences` alone.',
      resolve: ({ name }, _args, context) => context.presences.load(name),
    }),
  }),
});

const GapType = builder.objectRef<Gap>('PresenceGap').implement({
  description: 'A stretch of time in which nobody observed.',
  fields: (t) => ({
    from: t.expose('from', { type: 'DateTime', description: 'From when on, at the earliest.' }),
    to: t.expose('to', { type: 'DateTime', description: 'Until when.' }),
  }),
});

const ObserverType = builder.objectRef<PresenceObservation>('PresenceObserver').implement({
  description: 'The one connection through which the deployment observes who is connected.',
  fields: (t) => ({
    identity: t.field({
      type: IdentityType,
      nullable: true,
      description: 'The identity whose connection it is (PRESENCE_USERNAME).',
      resolve: ({ identityId }, _args, context) => context.identities.load(identityId),
    }),
    worker: t.exposeString('worker', { description: 'The worker that has it, or last had it.' }),
    observing: t.exposeBoolean('observing', { description: 'Whether it observes now.' }),
    since: t.expose('since', {
      type: 'DateTime',
      description: 'Since when without a gap.',
    }),
    seenAt: t.expose('seenAt', { type: 'DateTime', description: 'When it last said so.' }),
    gaps: t.field({
      type: [GapType],
      description: 'When nobody observed: the last 200 times, oldest first.',
      resolve: ({ gaps }) => [...gaps],
    }),
    online: t.exposeInt('online', { description: 'Clients that are known to be connected.' }),
    offline: t.exposeInt('offline', { description: 'Clients that are known not to be.' }),
  }),
});

builder.objectField(IdentityType, 'presence', (t) =>
  t.field({
    type: PresenceType,
    nullable: true,
    description:
      'What AWS IoT told of its client id, whoever connects with it: while its updates wait because another program takes the connection, `ipAddress` tells from where. Null before its first sign-in.',
    resolve: ({ cognitoId }, _args, context) =>
      cognitoId === undefined ? null : context.presences.load(cognitoId),
  }),
);

builder.queryFields((t) => ({
  thing: t.field({
    type: ThingType,
    authScopes: { role: 'viewer' },
    description:
      'A thing; nothing is asked of AWS for it. A name that no thing can have is the error THING_NAME_INVALID.',
    args: { name: t.arg({ type: 'ThingName', required: true, description: 'Its name.' }) },
    resolve: (_root, { name }) => {
      const problem = thingNameProblem(name);
      if (problem === undefined) return { name };
      throw new CourierError('THING_NAME_INVALID', problem, 'Correct the thing name.');
    },
  }),
  presences: t.field({
    type: PresenceConnection,
    authScopes: { role: 'viewer' },
    description: 'MQTT clients that are connected, or are not any more: the latest change first.',
    args: {
      ...pageArgs(t.arg),
      online: t.arg.boolean({ defaultValue: true, description: 'Which of the two.' }),
    },
    resolve: async (_root, args, context) => {
      const size = pageSize(args);
      const state = args.online === false ? 'offline' : 'online';
      const page = await context.gate.read(() =>
        context.presence.page(state, size, args.after ?? undefined),
      );
      const edges = page.entries.flatMap((entry, at) => {
        const node = page.presences[at];
        return node === undefined ? [] : [{ cursor: presenceCursor(entry), node }];
      });
      return toPage(edges, args, page.hasMore);
    },
  }),
  presenceObserver: t.field({
    type: ObserverType,
    nullable: true,
    authScopes: { role: 'viewer' },
    description: 'Who observes presence; null where nobody ever did.',
    resolve: (_root, _args, context) => context.gate.read(() => context.presence.observation()),
  }),
}));
