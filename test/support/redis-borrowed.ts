import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { pause } from '../../src/embedded/processes.js';

export interface Borrowed {
  readonly url: string;
  readonly giveBack: () => Promise<void>;
}

/** Longer than any test file runs, so that only a killed run's claim expires. */
const CLAIM_SECONDS = 900;

/**
 * Claims a numbered database of a given server that holds nothing, for this file alone. The claims are kept in database 0,
 * which is never used itself; a database with somebody's data in it is left alone.
 */
export async function borrowDatabase(serverUrl: string): Promise<Borrowed> {
  const claims = new Redis(databaseAt(serverUrl, 0));
  const mine = randomBytes(8).toString('hex');
  try {
    for (let round = 0; round < 300; round += 1) {
      for (let number = 1; number < 16; number += 1) {
        const key = `muster:test:${number}`;
        if ((await claims.set(key, mine, 'EX', CLAIM_SECONDS, 'NX')) === null) continue;
        const url = databaseAt(serverUrl, number);
        if ((await withRedis(url, (redis) => redis.dbsize())) === 0)
          return { url, giveBack: giveBack(serverUrl, url, key) };
        await claims.del(key);
      }
      await pause(100);
    }
  } finally {
    claims.disconnect();
  }
  throw new Error('no empty database among 1 to 15 on the Redis of REDIS_URL');
}

function giveBack(serverUrl: string, url: string, key: string): () => Promise<void> {
  let given = false;
  return async () => {
    if (given) return;
    given = true;
    await withRedis(url, (redis) => redis.flushdb());
    await withRedis(databaseAt(serverUrl, 0), (redis) => redis.del(key));
  };
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

function databaseAt(serverUrl: string, number: number): string {
  const url = new URL(serverUrl);
  url.pathname = `/${number}`;
  return url.href;
}
