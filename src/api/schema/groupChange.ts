import { groupNameProblem } from '../../shared/domain/group.ts';
import { audit } from '../audit.ts';
import { namesSubject } from '../auditedInput.ts';
import { labelProblem } from '../input.ts';
import { perform } from '../perform.ts';
import { actionResult } from './actionResult.ts';
import { builder } from './builder.ts';
import { GroupType } from './group.ts';

const UpdateGroupInput = builder.inputType('UpdateGroupInput', {
  description: 'What to change of a group; what is left out stays.',
  fields: (t) => ({
    group: t.string({
      required: true,
      description: 'The group, by its name or its id.',
      extensions: namesSubject(),
    }),
    name: t.string({
      description:
        'What to call it: 1 to 64 characters out of a-z, A-Z, 0-9 and _ . : / = @ + -. Its name so far finds it no more.',
      extensions: namesSubject(),
    }),
    description: t.string({
      description: 'What it is for: up to 128 characters; null for nothing any more.',
    }),
  }),
});

builder.mutationField('updateGroup', (t) =>
  t.field({
    type: GroupType,
    authScopes: { role: 'approver' },
    description:
      'Changes the name or the description of a group. Its id stays, and with it members, pauses and what was sent through it.',
    args: {
      input: t.arg({ type: UpdateGroupInput, required: true, description: 'The changes.' }),
    },
    errors: actionResult('UpdateGroup', 'It was changed.', {
      name: 'group',
      description: 'The group as it is now.',
    }),
    resolve: (_root, { input }, context) =>
      perform(context, 'updateGroup', async () => {
        const { group, description } = input;
        const name = input.name ?? undefined;
        const problem =
          (name === undefined ? undefined : groupNameProblem(name)) ??
          labelProblem(description ?? undefined);
        if (problem !== undefined) throw problem;
        const [before, after] = await context.groups.change(group, { name, description });
        const shown = (one: typeof before) => ({
          name: one.name,
          description: one.description ?? null,
        });
        audit(context, { before: shown(before), after: shown(after) });
        return after;
      }),
  }),
);
