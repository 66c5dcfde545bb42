import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { startRedis } from '../../src/embedded/index.js';
import { afterFile } from './cleanup.js';
import { borrowDatabase } from './redis-borrowed.js';

export interface TestRedis {
  readonly url: string;
  /** Process id of the server, so that a test may kill it; undefined on a borrowed server. */
  readonly pid: number | undefined;
  /** Stops the server before the file's end. */
  stop(): Promise<void>;
}

/** An empty Redis of this test file's own: a child process, or with `REDIS_URL` a free database of that server. */
export async function testRedis(): Promise<TestRedis> {
  const { redisUrl, redisProgram, redisMissing } = inject('servers');
  if (redisUrl !== undefined) {
    const borrowed = await borrowDatabase(redisUrl);
    afterFile(borrowed.giveBack);
    return { url: borrowed.url, pid: undefined, stop: borrowed.giveBack };
  }
  if (redisProgram === undefined) throw new Error(redisMissing ?? 'there is no Redis for the tests');
  const dataDir = mkdtempSync(join(tmpdir(), 'muster-test-redis-'));
  const redis = await startRedis({ dataDir, program: redisProgram });
  const stop = async (): Promise<void> => {
    await redis.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  afterFile(stop);
  return { url: redis.url, pid: redis.pid, stop };
}
