import type { Pause } from '../../shared/domain/pause.ts';
import { builder } from './builder.ts';
import { describedEnum } from './describedEnum.ts';
import { GroupType } from './group.ts';
import { IdentityType } from './identity.ts';

const PauseScopeEnum = describedEnum<Pause['target']['kind']>('PauseScope', {
  description: 'What a pause holds back.',
  values: {
    FLEET: 'Every update.',
    SHARD: 'The updates of the identities of one shard.',
    IDENTITY: 'The updates of one identity.',
    GROUP: 'The updates of the identities that are members of a group.',
  },
});

export const PauseType = builder.objectRef<Pause>('Pause').implement({
  description:
    'Updates that are held back: they are accepted and wait as PAUSED; what was in flight ended as usual.',
  fields: (t) => ({
    scope: t.field({
      type: PauseScopeEnum,
      description: 'What it holds back.',
      resolve: ({ target }) => target.kind,
    }),
    shard: t.int({
      nullable: true,
      description: 'The shard, where it is one.',
      resolve: ({ target }) => (target.kind === 'SHARD' ? target.shard : undefined),
    }),
    identityId: t.id({
      nullable: true,
      description: 'The id of the identity, where it is one.',
      resolve: ({ target }) => (target.kind === 'IDENTITY' ? target.identityId : undefined),
    }),
    identity: t.field({
      type: IdentityType,
      nullable: true,
      description: 'The identity, where it is one that was not removed since.',
      resolve: ({ target }, _args, context) =>
        target.kind === 'IDENTITY' ? context.identities.load(target.identityId) : undefined,
    }),
    groupId: t.id({
      nullable: true,
      description: 'The id of the group, where it is one.',
      resolve: ({ target }) => (target.kind === 'GROUP' ? target.groupId : undefined),
    }),
    group: t.field({
      type: GroupType,
      nullable: true,
      description: 'The group, where it is one that was not deleted since.',
      resolve: ({ target }, _args, context) =>
        target.kind === 'GROUP'
          ? context.gate.read(() => context.groups.find(target.groupId))
          : undefined,
    }),
    actor: t.exposeString('actor', { description: 'Who paused it.' }),
    reason: t.exposeString('reason', { description: 'Why.' }),
    since: t.expose('since', { type: 'DateTime', description: 'Since when.' }),
  }),
});
