import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Starts a program of this folder as a process of its own; it ends with this one at the latest. */
export function startChild(name: string, args: readonly string[]): ChildProcess {
  const file = `./${name}${extname(import.meta.url)}`;
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args);
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

/** The child's next message. Rejects where the child ends first. */
export async function nextMessage(child: ChildProcess): Promise<unknown> {
  const heard = new AbortController();
  const { signal } = heard;
  try {
    const gone = once(child, 'exit', { signal }).then(() => {
      throw new Error('the process ended before it answered');
    });
    gone.catch(() => undefined);
    const heardOf: readonly unknown[] = await Promise.race([once(child, 'message', { signal }), gone]);
    return heardOf[0];
  } finally {
    heard.abort();
  }
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
