import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../src/embedded/index.js';
import { afterFile } from '../support/cleanup.js';

/** A temporary folder, removed after the file. Open to every account's passage unless `mode` says otherwise. */
export function temporaryFolder(mode = 0o755): string {
  const folder = mkdtempSync(join(tmpdir(), 'muster-embedded-'));
  chmodSync(folder, mode);
  afterFile(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const asRoot = process.getuid?.() === 0;

let prepared: Promise<string> | undefined;

/** A data folder in which Postgres has been before, so that a test need not wait for the first start. */
export async function usedFolder(): Promise<string> {
  prepared ??= prepare();
  const folder = temporaryFolder();
  execFileSync('cp', ['-a', `${await prepared}/.`, folder]);
  return folder;
}

async function prepare(): Promise<string> {
  const folder = temporaryFolder();
  afterFile(async () => {
    prepared = undefined;
  });
  const postgres = await startPostgres({ dataDir: folder });
  await postgres.stop();
  return folder;
}
