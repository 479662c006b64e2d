import { readFileSync } from 'node:fs';

export type CpuTimes = Readonly<Record<string, number>>;

/** Linux counts CPU time in hundredths of a second (USER_HZ). */
const TICK_US = 10_000;

/** CPU time of processes so far, user and system, in microseconds (Linux: /proc/<pid>/stat). */
export function cpuTimes(pids: Readonly<Record<string, number>>): CpuTimes {
  const times = Object.entries(pids).map(([name, pid]) => {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
    const fields = afterName.split(' ');
    return [name, (Number(fields[11]) + Number(fields[12])) * TICK_US];
  });
  return Object.fromEntries(times) as CpuTimes;
}

export function perUpdate(before: CpuTimes, after: CpuTimes, updates: number): CpuTimes {
  const spent = Object.entries(after).map(([name, time]) => [
    name,
    (time - (before[name] ?? 0)) / updates,
  ]);
  return Object.fromEntries(spent) as CpuTimes;
}
