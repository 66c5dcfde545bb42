import { closeSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs';

const KEEP = 5 * 1024 * 1024;
const TAIL = 4096;

/** Empties a server's log that has grown past 5 MB, and returns its size in bytes; called when the server is down. */
export function trimLog(path: string): number {
  try {
    const { size } = statSync(path);
    if (size <= KEEP) return size;
    truncateSync(path);
  } catch {
    // No log yet.
  }
  return 0;
}

/** The end of what a log got since it had `from` bytes, to quote the reason of a failed start. */
export function lastLines(path: string, from: number): string {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const buffer = Buffer.alloc(Math.max(0, Math.min(TAIL, size - from)));
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8');
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
