import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, repository } from './bundle.js';

/** The sources and the programs of the children, in `root`, with `src` as it is or by `fill`. */
export function copySources(root: string, fill?: (root: string) => void): void {
  for (const folder of ['test/chaos', 'test/support'])
    cpSync(join(repository, folder), join(root, folder), { recursive: true });
  if (fill === undefined) cpSync(join(repository, 'src'), join(root, 'src'), { recursive: true });
  else fill(root);
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  cpSync(join(repository, 'package.json'), join(root, 'package.json'));
}

/** A version of before, as the program of its workers; null where there is none that could run, with the reason told. */
export interface OlderVersion {
  readonly script: string | null;
  readonly told: string;
}

const migrations = 'src/database/migrations';

/**
 * Builds the workers of the oldest commit whose schema is that of today, which is the last one that changed a migration:
 * what a deployment replaces. Only `src` is of that time; the rig is today's.
 */
export async function buildOlder(folder: string): Promise<OlderVersion> {
  const root = join(folder, 'older');
  try {
    if (git('status', '--porcelain', '--', migrations).length > 0) return none('the schema is being changed');
    const commit = git('log', '-1', '--format=%h', '--', migrations).toString().trim();
    if (commit === '' || git('diff', '--name-only', commit, '--', 'src').length === 0)
      return none('no earlier commit has the schema of today');
    mkdirSync(root, { recursive: true });
    copySources(root, () => {
      execFileSync('tar', ['-x', '-C', root], { input: git('archive', commit, 'src') });
    });
    const { worker } = await bundle(join(folder, 'programs-older'), root);
    return { script: worker, told: commit };
  } catch (error) {
    return none(
      `it cannot be built: ${error instanceof Error ? error.message.slice(0, 500) : String(error)}`,
    );
  }
}

function none(told: string): OlderVersion {
  return { script: null, told };
}

function git(...values: string[]): Buffer {
  return execFileSync('git', values, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 28,
  });
}
