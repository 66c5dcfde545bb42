import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build, stop as stopBundler } from 'esbuild';
import { afterFile } from '../support/cleanup.js';

/** An API process that answers. */
export interface Serving {
  readonly url: string;
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
}

export interface Servings {
  /** One that nobody had yet. */
  next(): Promise<Serving>;
  /** Ends all that live. */
  stop(): Promise<void>;
}

/** Started ahead, so that a killed process has a successor at once. */
const ahead = 2;

/** Starts API processes over the database, from one bundle, so that hundreds of them can come and go. */
export async function servingProcesses(databaseUrl: string): Promise<Servings> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-test-crash-'));
  afterFile(async () => rmSync(folder, { recursive: true, force: true }));
  await bundleInto(folder);
  const living = new Set<Launched>();
  const launch = (): Launched => {
    const one = launchOne(folder, databaseUrl);
    living.add(one);
    void one.ended.then(() => living.delete(one));
    return one;
  };
  const first = launch();
  await first.serving;
  first.child.kill('SIGUSR2');
  await first.ended;
  if (!existsSync(join(folder, 'serving-child.cjs.cache'))) throw new Error('there is no compiled bundle');

  const stop = async (): Promise<void> => {
    await Promise.all([...living].map(({ end }) => end()));
  };
  afterFile(stop);
  const waiting = Array.from({ length: ahead }, launch);
  return {
    stop,
    async next() {
      waiting.push(launch());
      const { serving, end } = waiting.shift() ?? launch();
      return { url: await serving, kill: end };
    },
  };
}

async function bundleInto(folder: string): Promise<void> {
  await build({
    entryPoints: ['launcher.ts', 'serving-child.ts'].map((name) =>
      fileURLToPath(new URL(name, import.meta.url)),
    ),
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    external: ['pg-native'],
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: `const bundleUrl = require('node:url').pathToFileURL(__filename).href;` },
    logLevel: 'error',
  });
  await stopBundler();
}

interface Launched {
  readonly child: ChildProcess;
  /** Its address, once it listens. */
  readonly serving: Promise<string>;
  readonly ended: Promise<unknown>;
  readonly end: () => Promise<void>;
}

function launchOne(folder: string, databaseUrl: string): Launched {
  const args = [join(folder, 'launcher.cjs'), join(folder, 'serving-child.cjs'), databaseUrl];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  const serving = firstLine(child);
  // It may be killed before anybody asks.
  serving.catch(() => undefined);
  return { child, serving, ended, end };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('a child without stdout');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('a process ended before it listened');
}
