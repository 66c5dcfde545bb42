import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

/** Where the API looks for the browser script. */
const target = fileURLToPath(new URL('../../dist/sdk/muster.js', import.meta.url));

/** The browser script as one minified file without imports. */
export async function bundleSdk(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/sdk/index.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2020',
    charset: 'utf8',
    legalComments: 'none',
    write: false,
    logLevel: 'silent',
  });
  // Its process would go on after the last build.
  await stop();
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild made no file of src/sdk');
  return file.text;
}

/** Puts it in place in one step, so that a server that reads at this moment never sees half of it. */
export async function writeSdk(): Promise<void> {
  const text = await bundleSdk();
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.${process.pid}`, text);
  renameSync(`${target}.${process.pid}`, target);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeSdk();
