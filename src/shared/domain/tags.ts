import { CourierError } from '../errors/courierError.ts';

export const MAX_TAGS = 20;
export const MAX_TAG_LENGTH = 64;
/** Without the comma, which stands between them in a record. */
const TAG = /^[\w.:/=@+-]{1,64}$/;

export function tagsProblem(tags: readonly string[]): CourierError | undefined {
  if (tags.length <= MAX_TAGS && tags.every((tag) => TAG.test(tag))) return undefined;
  return new CourierError(
    'TAGS_INVALID',
    `An identity has at most ${MAX_TAGS} tags of 1 to ${MAX_TAG_LENGTH} characters each: letters of ASCII, digits and _ . : / = @ + -`,
    'Leave some out, or shorten them.',
  );
}

/** As an identity's record holds them: each between commas, once, in order; '' for none. */
export function tagText(tags: readonly string[]): string {
  return tags.length === 0 ? '' : `,${[...new Set(tags)].toSorted().join(',')},`;
}

export function parseWords(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(',').filter((word) => word !== '');
}
