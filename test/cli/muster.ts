import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterFile } from '../support/cleanup.js';
import { programFile } from '../support/programs.js';

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The variables of a run beside the machine's own; what is not named is not set. */
export interface Variables {
  readonly DATABASE_URL?: string;
  readonly REDIS_URL?: string;
  readonly MUSTER_DATA?: string;
  readonly NO_COLOR?: string;
  readonly MUSTER_LOG?: string;
  readonly MUSTER_WEBHOOK_NETWORKS?: string;
}

/** Runs the real command line to its end; `input` is what it reads from standard input. */
export async function muster(
  args: readonly string[],
  variables: Variables = {},
  input?: string,
): Promise<Ran> {
  const child = spawnMuster(args, variables, input === undefined ? 'ignore' : 'pipe');
  child.stdin?.end(input);
  const ran = collect(child);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, out: ran.out, err: ran.err };
}

export interface Running {
  /** What it has written so far. */
  readonly written: { out: string; err: string };
  /** Resolves with everything on stdout once that holds the text; fails when the process ends before. */
  until(text: string): Promise<string>;
  /** Sends a signal. */
  kill(signal: NodeJS.Signals): void;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Ran>;
}

/** Starts a command that keeps running; it ends with the test file at the latest. */
export function startMuster(args: readonly string[], variables: Variables = {}): Running {
  const child = spawnMuster(args, variables);
  const written = collect(child);
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Ran> => {
    child.kill(signal);
    return { code: await ended, ...written };
  };
  afterFile(async () => {
    await end();
  });
  return {
    written,
    kill: (signal) => void child.kill(signal),
    end,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (written.out.includes(text)) resolve(written.out);
        };
        child.stdout?.on('data', look);
        child.on('close', () =>
          reject(new Error(`it ended before it wrote \`${text}\`:\n${written.out}${written.err}`)),
        );
        look();
      }),
  };
}

/** A folder of the test file's own. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'muster-test-cli-'));
  // As root, Postgres runs under another account, which must be able to reach the data in here.
  chmodSync(folder, 0o755);
  afterFile(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function spawnMuster(
  args: readonly string[],
  variables: Variables,
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  const { DATABASE_URL: _database, REDIS_URL: _redis, MUSTER_DATA: _data, ...machine } = process.env;
  return spawn(process.execPath, [programFile('src/cli/main'), ...args], {
    env: { ...machine, ...variables },
    stdio: [stdin, 'pipe', 'pipe'],
  });
}

function collect(child: ChildProcess): { out: string; err: string } {
  const written = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    written.out += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    written.err += chunk;
  });
  return written;
}
