/** Of a reason that may be left out. */
export const REASON_DESCRIPTION = 'Why: up to 500 characters, for the audit.';

/** Of one that may not; what keeps it elsewhere as well says so in its own words. */
export const NEEDED_REASON_DESCRIPTION = 'Why: 1 to 500 characters, for the audit.';
