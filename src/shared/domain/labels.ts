import { CourierError } from '../errors/courierError.ts';
import type { UpdateRequest } from './update.ts';

export const MAX_LABELS = 10;
export const MAX_LABEL_LENGTH = 64;
/** Without the comma, which stands between them in a record. */
const LABEL = /^[\w.:/=@+-]{1,64}$/;

export function labelsProblem(labels: readonly string[] | undefined): CourierError | undefined {
  if (labels === undefined) return undefined;
  if (labels.length <= MAX_LABELS && labels.every((label) => LABEL.test(label))) return undefined;
  return new CourierError(
    'LABELS_INVALID',
    `An update has at most ${MAX_LABELS} labels of 1 to ${MAX_LABEL_LENGTH} characters each: letters of ASCII, digits and _ . : / = @ + -`,
    'Leave some out, or shorten them.',
  );
}

/** As an update's record holds them: each between commas, once; '' for none. */
export function labelText({ labels = [] }: UpdateRequest): string {
  return labels.length === 0 ? '' : `,${[...new Set(labels)].join(',')},`;
}

export function parseLabels(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(',').filter((label) => label !== '');
}
