import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { refuse } from '../errors/index.js';

/**
 * Writes a body to a private file and hands its path to the work. Memory does not grow with the body.
 *
 * The file loses its name as soon as it is open, so that it ends with the process, even one that is killed. Where the system cannot
 * open such a file a second time, which takes Linux' /proc, the file keeps its name until the work is over.
 *
 * Errors: `body_too_large` at the first byte beyond `limit`, which is in bytes.
 */
export async function withUpload<T>(
  body: Readable,
  { limit, folder = tmpdir() }: { limit: number; folder?: string | undefined },
  work: (path: string) => Promise<T>,
): Promise<T> {
  // 0700 by itself; the file inside needs no more.
  const own = await mkdtemp(join(folder, 'muster-import-'));
  const remove = (): Promise<void> => rm(own, { recursive: true, force: true });
  let reader: FileHandle | undefined;
  try {
    const named = join(own, 'upload');
    const writer = createWriteStream(named, { flags: 'wx', mode: 0o600 });
    await once(writer, 'open');
    reader = await open(named, 'r');
    const unnamed = `/proc/self/fd/${reader.fd}`;
    const path = existsSync(unnamed) ? unnamed : named;
    if (path === unnamed) await remove();
    await pipeline(body, atMost(limit), writer);
    return await work(path);
  } finally {
    await reader?.close();
    await remove();
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
