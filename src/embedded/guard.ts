import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { refuse } from '../errors/index.js';
import { gone } from './processes.js';

/**
 * Keeps a server alive exactly as long as a process that uses it.
 *
 * Each user holds the write end of a named pipe open; a small shell, the server's parent, reads the other end. The kernel
 * closes a dead process's files, so when the last user is gone, by SIGKILL even, the shell reads end-of-file and stops
 * the server. Ctrl-C does not reach either of them: they run in a session of their own.
 */
const GUARD = `
exec 3<&0 </dev/null
signal=$1; shift
"$@" >&2 3<&- &
server=$!
echo "$server"
exec 1>&2
(
  while read -r line <&3; do :; done
  exec 3<&-
  kill -s "$signal" "$server" 2>/dev/null
  tries=0
  while kill -0 "$server" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -eq 100 ]; then kill -s QUIT "$server" 2>/dev/null; fi
    if [ "$tries" -ge 150 ]; then kill -s KILL "$server" 2>/dev/null; break; fi
    sleep 0.1
  done
) &
reader=$!
exec 3<&-
wait "$server"
status=$?
kill -s KILL "$reader" 2>/dev/null
exit "$status"
`;

/** The guard gives a server 15 s before it uses force. */
export const STOP_TIMEOUT = 20_000;

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface GuardedOptions {
  readonly command: readonly [string, ...string[]];
  /** Path of the named pipe; made anew. */
  readonly pipe: string;
  /** The server's output is appended here. */
  readonly log: string;
  /** What asks the server to stop, such as `INT`. */
  readonly signal: 'INT' | 'TERM';
  readonly account?: Account | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Guarded {
  /** Process id of the server itself. */
  readonly pid: number;
  /** This process's hold on the server; closing the last one stops it. */
  readonly hold: number;
  /** False as soon as the server is gone. */
  running(): boolean;
  /** Lets go of the only hold and waits for the end, for a start that came to nothing. */
  release(): Promise<void>;
}

/** Starts a server under a guard. Rejects with `embedded_guard` where there is no shell or no named pipe. */
export async function startGuarded(options: GuardedOptions): Promise<Guarded> {
  const { reader, hold, release } = openPipe(options.pipe);
  const log = openSync(options.log, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn('/bin/sh', ['-c', GUARD, 'muster-guard', options.signal, ...options.command], {
      // The server must not keep somebody's folder busy, and its account may not be allowed into ours.
      cwd: '/',
      detached: true,
      stdio: [reader, 'pipe', log],
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...options.env },
      ...(options.account === undefined ? {} : { uid: options.account.uid, gid: options.account.gid }),
    });
  } finally {
    closeSync(log);
    closeSync(reader);
  }
  let running = true;
  child.once('exit', () => {
    running = false;
  });
  try {
    const pid = await firstNumber(child);
    release();
    child.stdout?.destroy();
    child.unref();
    const giveUp = async (): Promise<void> => {
      closeSync(hold);
      await gone(pid, STOP_TIMEOUT);
    };
    return { pid, hold, running: () => running, release: giveUp };
  } catch (error) {
    release();
    closeSync(hold);
    return refuse('embedded_guard', { reason: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * Opens both ends without ever waiting, and so that they close with this process at any moment: first both ways (which
 * never blocks), then each way, then the first is let go.
 */
function openPipe(path: string): { reader: number; hold: number; release: () => void } {
  rmSync(path, { force: true });
  const made = spawnSync('mkfifo', ['-m', '600', path], { encoding: 'utf8' });
  if (made.status !== 0) {
    refuse('embedded_guard', { reason: made.error?.message ?? made.stderr.trim() });
  }
  const both = openSync(path, constants.O_RDWR);
  const reader = openSync(path, constants.O_RDONLY);
  const hold = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  return { reader, hold, release: () => closeSync(both) };
}

function firstNumber(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const line = /^(\d+)\n/.exec(text);
      if (line !== null) resolve(Number(line[1]));
    });
    child.stdout?.once('close', () => reject(new Error('the shell ended at once')));
  });
}

/** Joins the users of a guarded server, or returns undefined when nobody guards it any more. */
export function holdGuarded(pipe: string): number | undefined {
  if (!existsSync(pipe)) return undefined;
  try {
    // Without a reader at the other end this fails at once with ENXIO.
    return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/** Whether the guard still reads this hold's pipe; false once it has begun to stop the server. */
export function isGuarded(hold: number): boolean {
  try {
    writeSync(hold, '\n');
    return true;
  } catch {
    return false;
  }
}
