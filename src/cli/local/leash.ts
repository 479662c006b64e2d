import { type ChildProcess, spawn } from 'node:child_process';

/**
 * A shell that outlives us by a moment: it reads the process groups that it has to end from a
 * pipe, which closes when this process is gone, however it went. A SIGKILL leaves us no handler to
 * run, and neither redis-server nor a worker would notice by itself. It removes our directory last.
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
for pid in $pids; do kill -s TERM -- "-$pid" 2>/dev/null; done
looks=0
while [ $looks -lt 30 ]; do
  alive=
  for pid in $pids; do kill -s 0 -- "-$pid" 2>/dev/null && alive=yes; done
  [ -z "$alive" ] && break
  sleep 0.1
  looks=$((looks + 1))
done
for pid in $pids; do kill -s KILL -- "-$pid" 2>/dev/null; done
[ -z "$1" ] || rm -rf -- "$1"
`;

/** Ends what was started here, and removes the directory if any, once this process is gone. */
export class Leash {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(directory = '') {
    this.#shell = spawn('sh', ['-c', SCRIPT, 'courier-leash', directory], {
      // A group of its own, which Ctrl-C on the terminal does not reach.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#ended = new Promise((resolve) => {
      this.#shell.once('exit', () => resolve());
      this.#shell.once('error', () => resolve());
    });
    // Writing to a leash that is gone must not end us; then the orderly stop is all there is.
    this.#shell.stdin?.on('error', () => undefined);
  }

  /** `pid` leads a process group of its own. */
  hold(pid: number): void {
    this.#shell.stdin?.write(`+ ${pid}\n`);
  }

  letGo(pid: number): void {
    this.#shell.stdin?.write(`- ${pid}\n`);
  }

  /** Ends what is still held, and the leash itself. */
  async close(): Promise<void> {
    this.#shell.stdin?.end();
    await this.#ended;
  }
}
