import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { newKey, storeKey } from '../../src/server/keys.js';
import { post } from '../post.js';
import { median } from '../table.js';
import type { Row } from '../table.js';
import { ended, nextMessage, startChild } from './child.js';
import { sharedNow } from './clock.js';
import type { SeriesOptions } from './options.js';
import { percentile } from './people.js';
import { clear, withServers, workspace } from './servers.js';
import type { Servers } from './servers.js';
import type { Told } from './service-child.js';

interface Measured {
  readonly calls: readonly number[];
  readonly deliveries: readonly number[];
}

/**
 * From the identify call of a new user to the welcome being handed to its channel, with new users at a fixed rate: calls
 * are made when they are due whether or not earlier ones were answered, and the time runs from when a call was due. So
 * that no wait is left out because the caller had to wait too.
 */
export async function latency(options: SeriesOptions): Promise<Row[]> {
  return withServers(async (servers) => {
    const key = newKey('secret', workspace);
    await storeKey(servers.pool, { key, kind: 'secret', workspaceId: workspace });
    const rows: Row[] = [];
    for (const rate of [options.rate / 5, options.rate]) {
      const rounds: Measured[] = [];
      for (let round = 0; round < options.rounds; round += 1) {
        await clear(servers);
        rounds.push(await measure(servers, key, rate, options.seconds));
      }
      const middle = (of: keyof Measured, share: number): number =>
        median(rounds.map((each) => percentile(each[of], share)));
      rows.push({
        'new users/s': rate,
        seconds: options.seconds,
        'call p50 ms': middle('calls', 0.5),
        'call p99 ms': middle('calls', 0.99),
        'welcome p50 ms': middle('deliveries', 0.5),
        'welcome p99 ms': middle('deliveries', 0.99),
        'welcome max ms': middle('deliveries', 1),
      });
    }
    return rows;
  });
}

async function measure(
  { databaseUrl, redisUrl }: Servers,
  key: string,
  rate: number,
  seconds: number,
): Promise<Measured> {
  const service = startChild('service-child', [databaseUrl, redisUrl]);
  const agent = new Agent({ keepAlive: true, maxSockets: 500 });
  try {
    const listening = await told(service, 'listening');
    const url = `${listening.url}/api/sdk/users/identify`;
    // Connections, prepared statements and compiled code are there before the first user that counts.
    await callAtRate(agent, url, key, { prefix: 'warm', rate: rate / 2, count: rate });
    const { due, calls } = await callAtRate(agent, url, key, { prefix: 'user', rate, count: rate * seconds });
    service.send('finish');
    const { times } = await told(service, 'delivered');
    await ended(service);
    const welcomed = new Map(times);
    if (welcomed.size !== times.length) throw new Error('somebody was welcomed twice');
    const deliveries = [...due].map(([user, at]) => (welcomed.get(user) ?? Number.NaN) - at);
    if (deliveries.some((each) => Number.isNaN(each))) throw new Error('somebody was not welcomed');
    return { calls, deliveries };
  } finally {
    agent.destroy();
    service.kill('SIGKILL');
  }
}

interface Calls {
  readonly prefix: string;
  readonly rate: number;
  readonly count: number;
}

/** Identifies new users at a rate. Answers when each was due, and how long each call took from then on. */
async function callAtRate(
  agent: Agent,
  url: string,
  key: string,
  { prefix, rate, count }: Calls,
): Promise<{ due: ReadonlyMap<string, number>; calls: readonly number[] }> {
  const due = new Map<string, number>();
  const calls: Promise<number>[] = [];
  const started = sharedNow();
  while (calls.length < count) {
    const at = started + (calls.length * 1000) / rate;
    if (at > sharedNow()) {
      await sleep(1);
      continue;
    }
    const user = `${prefix}-${calls.length}`;
    due.set(user, at);
    const body = {
      user_id: user,
      traits: { name: `Person ${user}`, email: `${user}@example.com`, plan: 'pro' },
    };
    calls.push(post(agent, url, key, JSON.stringify(body)).then(() => sharedNow() - at));
  }
  return { due, calls: await Promise.all(calls) };
}

async function told<K extends Told['kind']>(
  service: ReturnType<typeof startChild>,
  kind: K,
): Promise<Extract<Told, { kind: K }>> {
  const message = await nextMessage(service);
  if (!isTold(message, kind)) throw new Error(`the service said ${JSON.stringify(message)}`);
  return message;
}

function isTold<K extends Told['kind']>(message: unknown, kind: K): message is Extract<Told, { kind: K }> {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === kind;
}
