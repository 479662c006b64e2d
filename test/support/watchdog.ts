import { type ChildProcess, spawn } from 'node:child_process';

/**
 * A shell that kills the process groups it was told of once this process is gone, however it
 * went: a SIGKILL leaves us no handler to run, but always closes the pipe.
 */
const SCRIPT = `
trap '' HUP INT TERM
pids=' '
while read -r op pid; do
  case $op in
    +) pids="$pids$pid " ;;
    -) case $pids in *" $pid "*) pids="\${pids%%" $pid "*} \${pids#*" $pid "}" ;; esac ;;
  esac
done
for pid in $pids; do kill -s KILL -- "-$pid" 2>/dev/null; done
`;

let watchdog: ChildProcess | undefined;

function tell(line: string): void {
  if (watchdog === undefined) {
    watchdog = spawn('sh', ['-c', SCRIPT], {
      // A group of its own, so that Ctrl-C on the terminal does not reach it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    watchdog.unref();
    const pipe = watchdog.stdin;
    if (pipe !== null && 'unref' in pipe && typeof pipe.unref === 'function') {
      pipe.unref();
    }
  }
  watchdog.stdin?.write(`${line}\n`);
}

/** Kill the group led by `pid` when this process ends, unless `forgetGroup` comes first. */
export function watchGroup(pid: number): void {
  tell(`+ ${pid}`);
}

export function forgetGroup(pid: number): void {
  tell(`- ${pid}`);
}
