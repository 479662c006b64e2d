import { expect } from 'vitest';
import { printFigures } from './figures.ts';
import { type Run, run, type Scenario } from './run.ts';
import { SIZE } from './size.ts';

/** Runs a scenario, prints its figures, and holds it to what every scenario must keep. */
export async function survives(
  title: string,
  scenario: Scenario,
  more: (run: Run) => Readonly<Record<string, string | number>> = () => ({}),
): Promise<Run> {
  const result = await run(scenario);
  printFigures(title, result, more(result));
  const { finding, counts } = result;
  expect(finding.faults).toEqual([]);
  expect(counts).toEqual(finding.states);
  const all = Object.values(finding.states).reduce((sum, count) => sum + count, 0);
  expect(all).toBe(SIZE.identities * SIZE.thingsEach * SIZE.rounds);
  expect(finding.failures).toEqual({});
  return result;
}
