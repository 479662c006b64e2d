import { type Group, groupNameProblem } from '../../shared/domain/group.ts';
import { MAX_MEMBERS } from '../../shared/store/groupDirectory.ts';
import { MAX_GROUPS_OF_IDENTITY } from '../../shared/store/groupMembership.ts';
import { cursorInvalid, pageCursor, placeOf } from '../../shared/store/pageCursor.ts';
import { audit } from '../audit.ts';
import { namesSubject } from '../auditedInput.ts';
import { allowReason, labelProblem, requireReason } from '../input.ts';
import { perform } from '../perform.ts';
import { actionResult, ownResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { IdentityType } from './identity.ts';
import { IdentityConnection, identityPage } from './identityList.ts';
import { eachRow, identityRows, MAX_IDENTITIES, requireFewIdentities } from './identityRow.ts';
import { pageArgs, pageSize, toPage } from './page.ts';
import { NEEDED_REASON_DESCRIPTION, REASON_DESCRIPTION } from './reason.ts';
import { UpdateType } from './update.ts';

export const GroupType = builder.node(builder.objectRef<Group>('Group'), {
  id: { resolve: ({ id }) => id },
  loadMany: (ids, context) =>
    context.gate.read(() => Promise.all(ids.map((id) => context.groups.find(id)))),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'createdBy' in value,
  description:
    'A named set of identities. What is sent through it is published as one of its members: for one thing always as the same, until that one leaves or is parked and nothing of the thing is open.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    description: t.string({
      nullable: true,
      description: 'What it is for.',
      resolve: ({ description }) => description,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    createdBy: t.exposeString('createdBy', { description: 'Who made it.' }),
    members: t.field({
      type: IdentityConnection,
      description: 'The identities that may send for it, newest first.',
      args: pageArgs(t.arg),
      resolve: ({ id }, args, context) => identityPage({ groupId: id }, args, context),
    }),
    memberCount: t.int({
      description: 'How many members it has.',
      resolve: ({ id }, _args, context) => context.gate.read(() => context.groups.memberCount(id)),
    }),
    busyThings: t.int({
      description: 'Things that have updates which were sent through it and have not ended.',
      resolve: ({ id }, _args, context) => context.gate.read(() => context.groups.busyThings(id)),
    }),
  }),
});

builder.objectField(IdentityType, 'groups', (t) =>
  t.field({
    type: [GroupType],
    description: `The groups that it is a member of, ${MAX_GROUPS_OF_IDENTITY} at most.`,
    resolve: async ({ groupIds }, _args, context) => {
      const found = await context.gate.read(() =>
        Promise.all(groupIds.map((id) => context.groups.find(id))),
      );
      return found.filter((group) => group !== undefined);
    },
  }),
);

builder.objectField(UpdateType, 'group', (t) =>
  t.field({
    type: GroupType,
    nullable: true,
    description:
      'The group that it was sent through; null where it was sent as an identity, or the group was deleted.',
    resolve: ({ asked }, _args, context) =>
      asked.groupId === undefined
        ? undefined
        : context.gate.read(() => context.groups.find(asked.groupId ?? '')),
  }),
);

const GroupConnection = builder.connectionObject(
  { type: GroupType, name: 'GroupConnection', description: 'A page of the list of groups.' },
  { name: 'GroupEdge', description: 'A group of a page, and where it stands in the list.' },
);

builder.queryFields((t) => ({
  group: t.field({
    type: GroupType,
    nullable: true,
    authScopes: { role: 'viewer' },
    description: 'One group; null where none has the name or the id.',
    args: { name: t.arg.string({ required: true, description: 'Its name, or its id.' }) },
    resolve: (_root, { name }, context) => context.gate.read(() => context.groups.find(name)),
  }),
  groups: t.field({
    type: GroupConnection,
    authScopes: { role: 'viewer' },
    description: 'All groups, in the order of their names.',
    args: pageArgs(t.arg),
    resolve: async (_root, args, context) => {
      const size = pageSize(args);
      const after = typeof args.after === 'string' ? parseCursor(args.after) : undefined;
      const page = await context.gate.read(() => context.groups.page(size, after));
      const edges = page.groups.map((node) => ({ cursor: pageCursor(node.name), node }));
      return toPage(edges, args, page.hasMore);
    },
  }),
}));

/** @throws PAGE_INVALID */
function parseCursor(cursor: string): string {
  const [name] = placeOf(cursor, /^.*$/s);
  if (groupNameProblem(name) === undefined) return name;
  throw cursorInvalid();
}

const CreateGroupInput = builder.inputType('CreateGroupInput', {
  description: 'A group to make.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'Its name: 1 to 64 characters out of a-z, A-Z, 0-9 and _ . : / = @ + -.',
      extensions: namesSubject(),
    }),
    description: t.string({ description: 'What it is for: up to 128 characters.' }),
  }),
});

const GroupMembersInput = builder.inputType('GroupMembersInput', {
  description: 'A group and identities.',
  fields: (t) => ({
    group: t.string({
      required: true,
      description: 'The group, by its name or its id.',
      extensions: namesSubject(),
    }),
    identityIds: t.idList({ required: true, description: `Up to ${MAX_IDENTITIES} identities.` }),
    reason: t.string({ description: REASON_DESCRIPTION }),
  }),
});

const DeleteGroupInput = builder.inputType('DeleteGroupInput', {
  description: 'A group to delete.',
  fields: (t) => ({
    group: t.string({
      required: true,
      description: 'The group, by its name or its id.',
      extensions: namesSubject(),
    }),
    reason: t.string({ required: true, description: NEEDED_REASON_DESCRIPTION }),
  }),
});

const AddedType = identityRows('AddToGroup');
const RemovedType = identityRows('RemoveFromGroup');

builder.mutationFields((t) => ({
  createGroup: t.field({
    type: GroupType,
    authScopes: { role: 'approver' },
    description: 'Makes a group without members.',
    args: { input: t.arg({ type: CreateGroupInput, required: true, description: 'The group.' }) },
    errors: actionResult('CreateGroup', 'It is there.', {
      name: 'group',
      description: 'The group.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'createGroup', () => {
        const description = input.description ?? undefined;
        const problem = groupNameProblem(input.name) ?? labelProblem(description);
        if (problem !== undefined) throw problem;
        return context.groups.create(input.name, description, context.actor);
      }),
  }),
  addToGroup: t.field({
    type: AddedType,
    authScopes: { role: 'approver' },
    description: `Makes identities members of a group, which has up to ${MAX_MEMBERS}. Things that another member sends for stay with it.`,
    args: {
      input: t.arg({ type: GroupMembersInput, required: true, description: 'Which, and where.' }),
    },
    errors: ownResult('addToGroup'),
    resolve: (_root, { input }, context) =>
      perform(context, 'addToGroup', async () => {
        allowReason(input.reason);
        requireFewIdentities(input.identityIds.length);
        const group = await context.groups.require(input.group);
        audit(context, { subjects: [group.id] });
        const rows = await eachRow(input.identityIds, 'addToGroup', context, async (id) => {
          await context.groups.add(group.id, id);
          return { identity: await context.identities.clear(id).load(id) };
        });
        return { rows };
      }),
  }),
  removeFromGroup: t.field({
    type: RemovedType,
    authScopes: { role: 'approver' },
    description:
      'Takes members out of a group. What they have open for it goes on; each thing goes to another member once nothing of it is open.',
    args: {
      input: t.arg({ type: GroupMembersInput, required: true, description: 'Which, and where.' }),
    },
    errors: ownResult('removeFromGroup'),
    resolve: (_root, { input }, context) =>
      perform(context, 'removeFromGroup', async () => {
        allowReason(input.reason);
        requireFewIdentities(input.identityIds.length);
        const group = await context.groups.require(input.group);
        audit(context, { subjects: [group.id] });
        const rows = await eachRow(input.identityIds, 'removeFromGroup', context, async (id) => {
          await context.groups.remove(group.id, id);
          return { identity: await context.identities.clear(id).load(id) };
        });
        return { rows };
      }),
  }),
  deleteGroup: t.field({
    type: GroupType,
    authScopes: { role: 'approver' },
    description:
      'Deletes a group. Its members stay, and so do updates that were sent through it. Another group of the same name knows nothing of it. A deletion that was cut off is ended by the fleet within some seconds, or at once by doing it again.',
    args: {
      input: t.arg({ type: DeleteGroupInput, required: true, description: 'Which, and why.' }),
    },
    errors: actionResult('DeleteGroup', 'It is gone.', {
      name: 'group',
      description: 'The group as it was.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'deleteGroup', async () => {
        requireReason(input.reason);
        const { id, name } = await context.groups.requireToDelete(input.group);
        const memberCount = await context.groups.memberCount(id);
        const busyThings = await context.groups.busyThings(id);
        const group = await context.groups.delete(id);
        audit(context, { subjects: [id], before: { name, memberCount, busyThings } });
        return group;
      }),
  }),
}));
