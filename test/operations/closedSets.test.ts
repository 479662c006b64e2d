import { expect, test } from 'vitest';
import {
  FAILURE_CODES,
  GATES,
  STAGES,
  UPDATE_STATES,
  isFinal,
} from '../../src/shared/domain/sets.ts';
import { CODES_OF, GATES_OF } from '../../src/workers/metrics/closedSets.ts';

/*
 * A counter's series that begins with a one shows no increase, and raises no alert: whatever can
 * be counted must be there at zero from the start.
 */

test('every gate is counted from zero, at the stages where it can refuse', () => {
  expect(new Set(Object.keys(GATES_OF))).toEqual(new Set(STAGES));
  expect(new Set(Object.values(GATES_OF).flat())).toEqual(new Set(GATES));
});

test('every end of an update is counted from zero, with every code that it can have', () => {
  expect(new Set(Object.keys(CODES_OF))).toEqual(new Set(UPDATE_STATES.filter(isFinal)));
  const codes: readonly string[] = Object.values(CODES_OF).flat();
  expect(new Set(codes.filter((code) => code !== 'NONE'))).toEqual(new Set(FAILURE_CODES));
});
