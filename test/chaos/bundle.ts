import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface Scripts {
  readonly worker: string;
  readonly oracle: string;
}

/**
 * Builds the programs of the child processes into `folder`, each with its packages in one file, from the sources below
 * `root`: a process that is killed every second must start quickly.
 */
export async function bundle(folder: string, root: string = repository): Promise<Scripts> {
  const names = ['worker-child', 'oracle-child'] as const;
  await build({
    entryPoints: names.map((name) => join(root, 'test', 'chaos', `${name}.ts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // Optional parts of packages, which are not installed.
    external: ['pg-native'],
    // Packages of the older kind call it.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  await stop();
  return { worker: join(folder, 'worker-child.mjs'), oracle: join(folder, 'oracle-child.mjs') };
}
