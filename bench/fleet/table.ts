import type { Aim, CpuComparison, Finding } from './row.ts';

export const TABLE_HEAD = [
  '| what | against | ours | theirs | figure | aim | holds | CPU µs: ours, theirs, theirs ÷ ours |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
].join('\n');

function holds({ figure, aim }: Finding): boolean | undefined {
  if (figure === undefined) return undefined;
  return 'least' in aim ? figure >= aim.least : figure <= aim.most;
}

/** A finding as a line of the Markdown table that `TABLE_HEAD` begins. */
export function tableLine(finding: Finding): string {
  const { what, against, ours, theirs, figure, unit = '', cpu } = finding;
  const held = holds(finding);
  const cells = [
    what,
    against,
    ours,
    theirs,
    figure === undefined ? '' : `${rounded(figure)}${unit}`,
    aimText(finding.aim, unit),
    held === undefined ? '' : held ? 'yes' : '**no**',
    cpu === undefined ? '' : cpuText(cpu),
  ];
  return `| ${cells.join(' | ')} |`;
}

function aimText(aim: Aim, unit: string): string {
  return 'least' in aim ? `≥ ${aim.least}${unit}` : `≤ ${aim.most}${unit}`;
}

function cpuText({ ours, theirs, parts }: CpuComparison): string {
  const detail = parts === '' ? '' : ` (${parts})`;
  return `${ours.toFixed(0)}${detail}, ${theirs.toFixed(0)}, ${(theirs / ours).toFixed(2)}`;
}

/** Three digits that mean something. */
function rounded(figure: number): string {
  return figure >= 100 ? figure.toFixed(0) : figure.toFixed(figure >= 10 ? 1 : 2);
}
