import { namesSubject } from '../auditedInput.ts';

/** For the `extensions` of an input's field that is the number of a shard. */
export const SHARD_SUBJECT = namesSubject((shard) => `shard ${shard}`);
