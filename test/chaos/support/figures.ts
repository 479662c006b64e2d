import { SEED } from './dice.ts';
import type { Run } from './run.ts';

/** What a run was and came to, as a Markdown table on standard output. */
export function printFigures(
  title: string,
  { finding, members, seconds, evidence }: Run,
  more: Readonly<Record<string, string | number>> = {},
): void {
  const connects = members.map(({ cognitoId }) => evidence.connects.get(cognitoId)?.length ?? 0);
  const states = Object.entries(finding.states).map(([state, count]) => `${count} ${state}`);
  const rows = {
    'updates, by their end': states.join(', '),
    'applied at AWS': finding.applied,
    'applied again': `${finding.appliedAgain}, ${finding.appliedAgainElsewhere} of them over another connection`,
    'publishes that the broker let in': finding.published,
    'publishes that a policy refused': evidence.denied,
    'tries beyond the first': `${finding.triesBeyondFirst}; ${finding.unknownTries} were never answered`,
    'CONNECTs an identity': `${Math.min(...connects)} to ${Math.max(...connects)}`,
    seconds: seconds.toFixed(1),
    'broken promises': finding.faults.length,
    ...more,
  };
  printTable(`${title} | seed ${SEED}`, rows);
}

/** Two columns, unless the title brings a heading for the second. */
export function printTable(title: string, rows: Readonly<Record<string, string | number>>): void {
  const heading = title.includes('|') ? title : `${title} | `;
  const lines = Object.entries(rows).map(([what, value]) => `| ${what} | ${value} |`);
  const table = [`| ${heading} |`, '| --- | --- |', ...lines];
  process.stdout.write(`\n${table.join('\n')}\n\n`);
}
