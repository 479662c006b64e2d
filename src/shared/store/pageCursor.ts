import { CourierError } from '../errors/courierError.ts';

/** A place in a list, as text that callers hand back, and look into at their own risk. */
export function pageCursor(place: string): string {
  return Buffer.from(place).toString('base64url');
}

/** The place that a cursor stands for, in the form that this list's have. @throws PAGE_INVALID */
export function placeOf(cursor: string, form: RegExp): RegExpExecArray {
  const place = form.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (place === null) throw cursorInvalid();
  return place;
}

/** What is answered to a cursor that the list never gave. */
export function cursorInvalid(): CourierError {
  return new CourierError(
    'PAGE_INVALID',
    'This is no cursor that a page of this list gave.',
    'Use the endCursor of the page before, with the same filter, or leave it out to begin.',
  );
}
