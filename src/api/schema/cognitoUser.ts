import { tagsProblem } from '../../shared/domain/tags.ts';
import type { Registration } from '../../shared/store/identityDirectory.ts';
import { labelProblem, secretOf, usernameProblem } from '../input.ts';
import type { builder } from './builder.ts';

type InputFields = Parameters<Parameters<typeof builder.inputType>[1]['fields']>[0];

/** A user to register, in an input; `refreshToken` is the description of that field. */
export function userFields(t: InputFields, refreshToken: string) {
  return {
    username: t.string({ required: true, description: 'The username in the user pool.' }),
    password: t.field({
      type: 'Secret',
      description: 'The password in the user pool; stored encrypted, and never given out.',
    }),
    refreshToken: t.field({ type: 'Secret', description: refreshToken }),
    label: t.string({ description: 'What to call it: up to 128 characters.' }),
    tags: t.stringList({ description: 'Up to 20 tags.' }),
  };
}

export interface UserInput {
  readonly username: string;
  readonly password?: string | null | undefined;
  readonly refreshToken?: string | null | undefined;
  readonly label?: string | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
}

/** @throws USERNAME_INVALID, LABEL_INVALID, TAGS_INVALID, SECRET_INVALID, PASSWORD_INVALID */
export function toRegistration(input: UserInput): Registration {
  const { username } = input;
  const label = input.label ?? undefined;
  const tags = input.tags ?? [];
  const problem = usernameProblem(username) ?? labelProblem(label) ?? tagsProblem(tags);
  if (problem !== undefined) throw problem;
  return { username, secret: secretOf(input), label, tags };
}
