import type { Redis } from 'ioredis';
import type { Pool } from '../database/pool.js';
import { canaryAge } from './canary.js';
import type { Loop } from './loop.js';
import { evictionPolicy } from './redis/connection.js';

export interface Health {
  /** Milliseconds since a job last went the whole way from Postgres to a worker and back; null before the first. */
  readonly canaryAgeMs: number | null;
  /** `evicting`: it answers, and may throw jobs away when its memory is full. */
  readonly redis: 'ok' | 'away' | 'evicting';
  /** Milliseconds since each loop of this process last came to its end without a failure, by its name. */
  readonly loops: Readonly<Record<string, number>>;
}

export interface HealthSources {
  readonly pool: Pool;
  readonly redis: Redis;
  readonly queue: string;
  readonly loops: Readonly<Record<string, Loop>>;
}

/** A function that reads the health of one automation. It throws where Postgres is out of reach. */
export function healthReader({ pool, redis, queue, loops }: HealthSources): () => Promise<Health> {
  return async () => {
    const [canaryAgeMs, state] = await Promise.all([canaryAge(pool, queue), stateOf(redis)]);
    const ages = Object.entries(loops).map(([name, loop]) => [name, Math.round(loop.age())] as const);
    return { canaryAgeMs, redis: state, loops: Object.fromEntries(ages) };
  };
}

async function stateOf(redis: Redis): Promise<Health['redis']> {
  try {
    return (await evictionPolicy(redis)) === null ? 'ok' : 'evicting';
  } catch {
    return 'away';
  }
}
