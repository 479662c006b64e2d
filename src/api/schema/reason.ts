/** Of a reason that may be left out; what needs one says so in its own words. */
export const REASON_DESCRIPTION = 'Why: up to 500 characters, for the audit.';
