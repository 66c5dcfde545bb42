import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { refuse } from '../errors/index.js';

/** How many calls one key may make. */
export interface RateLimit {
  /** Calls in each window. */
  readonly calls: number;
  /** Length of the window. */
  readonly seconds: number;
}

/** Generous: it stops a loop that has run wild, not a busy product. */
export const defaultRateLimit: RateLimit = { calls: 100_000, seconds: 10 };

/** Reads `CALLS/SECONDS`, such as `1000/10`; nothing or empty text is the default. Error: `bad_rate_limit`. */
export function rateLimitOf(text: string | undefined): RateLimit | undefined {
  if (text === undefined || text === '') return undefined;
  const [, calls, seconds] = /^([1-9]\d{0,8})\/([1-9]\d{0,4})$/.exec(text) ?? [];
  if (calls === undefined) return refuse('bad_rate_limit', { text });
  return { calls: Number(calls), seconds: Number(seconds) };
}

export interface Limiter {
  /** Counts one call of the key. Errors: `rate_limited`, with `retry_after` in its details, in seconds. */
  take(keyId: string): Promise<void>;
  close(): void;
}

/**
 * Counts the calls of each key, in Redis over all processes. While Redis is away, or when there is none, each process
 * counts for itself, with the same limit: calls are never refused, nor all let through, for want of Redis.
 */
export function rateLimiter(limit: RateLimit, redisUrl: string | undefined): Limiter {
  const options = { points: limit.calls, duration: limit.seconds };
  const alone = new RateLimiterMemory(options);
  if (redisUrl === undefined || redisUrl === '') return limiterOf(alone, () => undefined);
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // A call must not wait for a Redis that hangs.
    commandTimeout: 250,
    connectTimeout: 2000,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 2000),
  });
  // Its outages are told by the workers; here they only change who counts.
  redis.on('error', () => undefined);
  const shared = new RateLimiterRedis({
    ...options,
    storeClient: redis,
    keyPrefix: 'muster:limit',
    rejectIfRedisNotReady: true,
    insuranceLimiter: alone,
    // Once a key is over its limit, Redis is not asked again until the window ends.
    inMemoryBlockOnConsumed: limit.calls + 1,
  });
  return limiterOf(shared, () => redis.disconnect());
}

function limiterOf(limiter: RateLimiterMemory | RateLimiterRedis, close: () => void): Limiter {
  return {
    async take(keyId) {
      try {
        await limiter.consume(keyId);
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        const seconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
        refuse('rate_limited', { seconds }, { details: { retry_after: seconds } });
      }
    },
    close,
  };
}
