import { mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Compiles the sources and the benchmarks file by file, and answers the folder of the compiled benchmarks: what is measured
 * is what a user runs. A loader that compiles while it runs keeps the names of functions by a call for every closure made.
 */
export async function compileBenchmarks(): Promise<string> {
  // Below the repository, so that packages are found.
  const to = join(root, 'node_modules', '.cache', 'muster-benchmarks');
  rmSync(to, { recursive: true, force: true });
  await build({
    entryPoints: ['src', 'benchmarks'].flatMap(scriptsIn),
    outdir: to,
    outbase: root,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
  });
  await stop();
  // What the code reads beside itself.
  for (const path of ['rules', 'dist', 'package.json', 'src/database/migrations']) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    symlinkSync(join(root, path), join(to, path));
  }
  return join(to, 'benchmarks');
}

/** The browser's own part is built apart. */
function scriptsIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('sdk/'))
    .map((name) => join(root, folder, name));
}
