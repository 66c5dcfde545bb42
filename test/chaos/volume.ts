import { execFile, spawnSync } from 'node:child_process';
import { appendFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A file system of its own, small enough to be filled to the last byte. */
export interface Volume {
  /** Leaves no room for whoever writes there. */
  fill(): Promise<void>;
  free(): void;
  close(): void;
}

/** Mounts one in memory at a folder that is there; null where this process may not mount, which takes root. */
export function mountVolume(folder: string, megabytes: number): Volume | null {
  const options = `size=${megabytes}m,mode=0711`;
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { stdio: 'ignore' });
  if (status !== 0) return null;
  const ballast = join(folder, 'ballast');
  return {
    async fill() {
      const { bavail, bsize } = statfsSync(folder);
      const most = Math.max(1, bavail - 256) * bsize;
      // What is over is taken by the others, or below.
      await promisify(execFile)('fallocate', ['-l', String(most), ballast]).catch(() => undefined);
      for (let size = 1024 * 1024; size >= 4096;) {
        try {
          appendFileSync(ballast, Buffer.alloc(size));
        } catch (error) {
          if (!isFull(error)) throw error;
          size /= 2;
        }
      }
    },
    free() {
      rmSync(ballast, { force: true });
    },
    close() {
      spawnSync('umount', ['-l', folder], { stdio: 'ignore' });
    },
  };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
