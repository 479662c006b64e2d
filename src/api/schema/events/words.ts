export const CURSOR_DESCRIPTION =
  'Where it stands: give it as `after`, or as the header Last-Event-ID, to go on behind it.';

export const AFTER_DESCRIPTION =
  'The cursor of the last event that was seen: what came after it is sent first. From now on unless given. Where that is not all there any more, CURSOR_EXPIRED says so.';
