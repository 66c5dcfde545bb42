import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { refuse } from '../../errors/index.js';
import { errorText } from '../loop.js';
import type { Logger } from '../logger.js';

export interface Connections {
  /** For adding jobs: fails fast while Redis is away, so that the caller can try again. */
  readonly producer: Redis;
  /** For the worker: waits for Redis however long it is away. */
  readonly consumer: Redis;
  /** Cuts both at once. */
  close(): void;
}

export interface ConnectOptions {
  readonly logger: Logger;
  /** Milliseconds that the first connection may take. */
  readonly timeout: number;
}

/**
 * Connects to Redis. Errors: `redis_unreachable`, with the address but never its password.
 *
 * After that first connection an outage is no error: both connections come back by themselves.
 */
export async function connectRedis(url: string, { logger, timeout }: ConnectOptions): Promise<Connections> {
  const shownUrl = redisAddress(url);
  if (shownUrl === null)
    return refuse('redis_unreachable', { url: 'REDIS_URL', reason: 'it is not a redis:// address' });
  const shared = {
    lazyConnect: true,
    connectTimeout: timeout,
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 10), 1000),
  } satisfies RedisOptions;
  const producer = new Redis(url, {
    ...shared,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    // A server that hangs must not hold the relay for ever.
    commandTimeout: 5000,
  });
  const consumer = new Redis(url, { ...shared, maxRetriesPerRequest: null });
  const close = (): void => {
    producer.disconnect();
    consumer.disconnect();
  };
  let reason = 'no answer';
  let started = false;
  for (const connection of [producer, consumer]) {
    connection.on('error', (error: Error) => {
      reason = withoutPassword(errorText(error), url);
      if (started)
        logger.warn(
          { redis: shownUrl, error: reason },
          'the connection to redis failed and will come back by itself',
        );
    });
  }
  try {
    await Promise.race([Promise.all([ready(producer), ready(consumer)]), late(timeout)]);
    // A password that is wrong shows only with the first command.
    await producer.ping();
  } catch (error) {
    close();
    const said = withoutPassword(errorText(error), url);
    return refuse('redis_unreachable', {
      url: shownUrl,
      reason: said.includes('onnection is closed') ? reason : said,
    });
  }
  started = true;
  return { producer, consumer, close };
}

async function ready(connection: Redis): Promise<void> {
  await connection.connect();
}

async function late(timeout: number): Promise<never> {
  await new Promise((resolve) => {
    setTimeout(resolve, timeout).unref();
  });
  throw new Error(`no answer within ${timeout} ms`);
}

/** `redis://user@host:port/0` for messages, without the password; null for what is no address of a Redis server. */
export function redisAddress(url: string): string | null {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return null;
  }
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') return null;
  const user = parsed.username === '' ? '' : `${parsed.username}@`;
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}`;
}

function withoutPassword(text: string, url: string): string {
  const { password } = new URL(url);
  if (password === '') return text;
  return text.replaceAll(password, '***').replaceAll(safeDecode(password), '***');
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether Redis may throw away keys when its memory is full, and with them jobs; the policy's name, or null. */
export async function evictionPolicy(redis: Redis): Promise<string | null> {
  const info = await redis.info('memory');
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction';
  return policy === 'noeviction' ? null : policy;
}
