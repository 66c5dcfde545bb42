import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, stop } from 'esbuild';
import type { Plugin } from 'esbuild';

/** What tests run as processes of their own. */
const programs = [
  'src/cli/main',
  'test/audience/segments/keeping-child',
  'test/automation/broadcasts/crowd-child',
  'test/automation/schedules/scheduling-child',
  'test/automation/sending-child',
  'test/embedded/starter',
  'test/traits/importing-child',
] as const;

export type Program = (typeof programs)[number];

const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface Programs {
  readonly folder: string;
  /** Builds them again in their places. */
  readonly rebuild: () => Promise<void>;
  readonly remove: () => void;
}

/**
 * Builds the programs from the present sources into a folder of their own, with their packages: a process that loads
 * TypeScript file by file takes ten times as long to start, and the tests start hundreds.
 */
export async function buildPrograms(): Promise<Programs> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-test-programs-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const rebuild = (): Promise<void> => buildInto(folder);
  try {
    await rebuild();
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, rebuild, remove };
}

async function buildInto(folder: string): Promise<void> {
  await build({
    absWorkingDir: repository,
    entryPoints: programs.map((program) => `${program}.ts`),
    outbase: '.',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // A command loads what it needs and no more, as it does outside the tests.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // An optional part of a package, which is not installed.
    external: ['pg-native'],
    // Packages of the older kind call it.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    plugins: [ownPlaces],
    logLevel: 'error',
  });
  await stop();
}

/** Sources find the files beside them from where they are themselves, not from where they are built to. */
const ownPlaces: Plugin = {
  name: 'own places',
  setup(bundler) {
    bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: 'ts',
    }));
  },
};
