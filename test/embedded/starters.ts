import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterFile } from '../support/cleanup.js';
import { programFile } from '../support/programs.js';
import { pause } from '../../src/embedded/processes.js';

export interface Starter {
  readonly child: ChildProcess;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Lets it stop by itself and returns its exit code. */
  readonly finish: () => Promise<number | null>;
}

/** Runs the starter as a process and waits until its servers are up. */
export async function starter(folder: string, ...servers: ('postgres' | 'redis')[]): Promise<Starter> {
  const child = spawn(process.execPath, [programFile('test/embedded/starter'), folder, ...servers], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  afterFile(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const answer: unknown = JSON.parse(line);
    if (typeof answer !== 'object' || answer === null) break;
    const databaseUrl = 'databaseUrl' in answer ? String(answer.databaseUrl) : '';
    const redisUrl = 'redisUrl' in answer ? String(answer.redisUrl) : '';
    const finish = async (): Promise<number | null> => {
      child.stdin.write('\n');
      await ended;
      return child.exitCode;
    };
    if ('error' in answer) throw new Error(line);
    return { child, databaseUrl, redisUrl, finish };
  }
  throw new Error('the starter ended without an answer');
}

/** Every process whose arguments name the folder: starters, servers, guards. */
export function processesOf(folder: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), command: commandOf(name) }))
    .filter(({ command }) => command.includes(folder));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Resolves when the condition holds; fails after `within` milliseconds with what is still there. */
export async function eventually(holds: () => boolean | Promise<boolean>, within = 60_000): Promise<void> {
  const deadline = Date.now() + within;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not become true in time');
    await pause(20);
  }
}
