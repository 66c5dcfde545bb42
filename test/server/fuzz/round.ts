import { Agent } from 'node:http';
import type { Pool } from '../../../src/database/pool.js';
import { isObject } from '../../../src/filter/values.js';
import { newKey, storeKey } from '../../../src/server/keys.js';
import { randomOf } from '../../chaos/random.js';
import { serviceAt } from '../service.js';
import type { Service } from '../service.js';
import { callOf } from './calls.js';
import { faultsOf } from './laws.js';
import { filtersOf, operationsOf } from './operations.js';
import { curlOf, send } from './send.js';
import { fillWorld } from './world.js';

export interface Fault {
  readonly what: readonly string[];
  readonly seed: number;
  /** Which call of the round it was, from 1. */
  readonly number: number;
  readonly route: string;
  readonly curl: string;
  readonly answer: string;
}

export interface RoundOptions {
  readonly pool: Pool;
  /** The address of a running server, and its routes. */
  readonly service: Pick<Service, 'url' | 'routes'>;
  readonly seed: number;
  readonly calls: number;
  /** Milliseconds that an answer may take. */
  readonly slowest: number;
}

export interface Round {
  readonly faults: readonly Fault[];
  /** How many answers each route gave, by status and code. */
  readonly reached: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** So many calls of one seed, in a new workspace with some of everything in it. */
export async function fuzzRound({ pool, service, seed, calls, slowest }: RoundOptions): Promise<Round> {
  const workspaceId = `fuzz-${seed}`;
  await pool.query('INSERT INTO workspaces (workspace_id, name) VALUES ($1, $1)', [workspaceId]);
  const key = async (kind: 'secret' | 'write' | 'bounces'): Promise<string> => {
    const made = newKey(kind, workspaceId);
    await storeKey(pool, { key: made, kind, workspaceId });
    return made;
  };
  const keys = {
    none: '',
    wrong: newKey('secret', workspaceId),
    secret: await key('secret'),
    write: await key('write'),
    bounces: await key('bounces'),
  };
  const own = serviceAt(service.url, {
    secretKey: keys.secret,
    writeKey: keys.write,
    routes: service.routes,
  });
  const ids = await fillWorld(pool, own, workspaceId);
  const operations = await operationsOf(own);
  const random = randomOf(seed);
  const cursors: string[] = [];
  const supplies = { random, ids, keys, cursors, filters: filtersOf(random) };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const faults: Fault[] = [];
  const reached = new Map<string, Map<string, number>>();
  try {
    for (let number = 1; number <= calls; number += 1) {
      // Each route in turn, so that a small run reaches all of them.
      const operation = operations[(number + seed) % operations.length];
      if (operation === undefined) throw new Error('the server has no routes');
      const call = callOf(operation, supplies);
      const reply = await send(service.url, call, agent);
      const route = `${operation.method} ${operation.path}`;
      const kind = `${reply.status}${/^\{"error":\{"code":"(\w+)"/.exec(reply.text)?.[1]?.replace(/^/, ' ') ?? ''}`;
      const counts = reached.get(route) ?? new Map<string, number>();
      reached.set(route, counts.set(kind, (counts.get(kind) ?? 0) + 1));
      cursors.push(...cursorsIn(reply.text));
      const what = faultsOf(call, reply, slowest);
      if (what.length > 0)
        faults.push({
          what,
          seed,
          number,
          route,
          curl: curlOf(service.url, call),
          answer: `${reply.status} ${reply.text.slice(0, 600)}`,
        });
    }
  } finally {
    agent.destroy();
  }
  return { faults, reached };
}

function cursorsIn(text: string): string[] {
  if (!text.includes('"next"')) return [];
  const value: unknown = JSON.parse(text);
  const next = isObject(value) ? value['next'] : undefined;
  return typeof next === 'string' ? [next] : [];
}
