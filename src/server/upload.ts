import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { refuse } from '../errors/index.js';

/**
 * Writes a body to a file in a folder of its own, which only this account can read, and hands its path to the work. The
 * folder is removed afterwards, whatever happens. Memory does not grow with the body.
 *
 * Errors: `body_too_large` at the first byte beyond `limit`, which is in bytes.
 */
export async function withUpload<T>(
  body: Readable,
  { name, limit, folder = tmpdir() }: { name: string; limit: number; folder?: string | undefined },
  work: (path: string) => Promise<T>,
): Promise<T> {
  // 0700 by itself; the file inside needs no more.
  const own = await mkdtemp(join(folder, 'muster-import-'));
  try {
    const path = join(own, name);
    await pipeline(body, atMost(limit), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    return await work(path);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function atMost(limit: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= limit) {
        done(null, chunk);
        return;
      }
      try {
        refuse('body_too_large', { limit });
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}
