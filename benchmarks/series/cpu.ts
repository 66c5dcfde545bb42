import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Servers } from './servers.js';

/** Microseconds of processor time since the start of each; Postgres is NaN where the system has no /proc. */
export interface Cpu {
  readonly node: number;
  readonly postgres: number;
  readonly redis: number;
}

/** Of this process, of all of Postgres and of Redis. */
export async function readCpu({ pool, redis }: Servers): Promise<Cpu> {
  const { user, system } = process.cpuUsage();
  const info = await redis.info('cpu');
  const used = ['sys', 'user'].map((kind) =>
    Number(new RegExp(`^used_cpu_${kind}:(.+)$`, 'm').exec(info)?.[1]),
  );
  const { rows } = await pool.query<{ folder: string }>(`SELECT current_setting('data_directory') AS folder`);
  const postmaster = Number(
    readFileSync(join(rows[0]?.folder ?? '', 'postmaster.pid'), 'utf8').split('\n')[0],
  );
  return {
    node: user + system,
    postgres: treeTime(postmaster),
    redis: used.reduce((sum, each) => sum + each, 0) * 1e6,
  };
}

export function perStep(before: Cpu, after: Cpu, steps: number): Cpu {
  const each = (of: keyof Cpu): number => (after[of] - before[of]) / steps;
  return { node: each('node'), postgres: each('postgres'), redis: each('redis') };
}

/** Of a process, those it started, and those of them that have ended; Linux counts in hundredths of a second. */
function treeTime(parent: number): number {
  let names: string[];
  try {
    names = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return Number.NaN;
  }
  let ticks = 0;
  for (const name of names) {
    const fields = statOf(name);
    const [ppid, user, system, endedUser, endedSystem] = [1, 11, 12, 13, 14].map((at) => Number(fields[at]));
    if (ppid === parent) ticks += (user ?? 0) + (system ?? 0);
    if (Number(name) === parent) {
      ticks += (user ?? 0) + (system ?? 0) + (endedUser ?? 0) + (endedSystem ?? 0);
    }
  }
  return ticks * 10_000;
}

/** What follows the program's name in brackets: state, parent and so on. */
function statOf(pid: string): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    // It has ended meanwhile.
    return [];
  }
}
