import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The variable that every descendant of a started process inherits, own group or not. */
export const MARK_VARIABLE = 'COURIER_TEST_MARK';

function readEnvironment(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

/** True for a process that can still do something: one that ended unreaped does not count. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // pid (name) state …, and the name may hold anything, parentheses included.
    return (
      process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    );
  } catch {
    return false;
  }
}

/** Process ids, this one aside, whose environment carries the mark. */
export function markedProcesses(mark: string): number[] {
  const needle = `${MARK_VARIABLE}=${mark}`;
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && readEnvironment(name).includes(needle))
      .map(Number)
      .filter((pid) => pid !== process.pid);
  }
  const listing = execFileSync('ps', ['-axEww', '-o', 'pid=,command='], { encoding: 'utf8' });
  return listing
    .split('\n')
    .filter((line) => line.includes(needle))
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => pid !== process.pid);
}
