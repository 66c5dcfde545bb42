import { parseArgs } from 'node:util';
import { breakdown } from './broadcast/breakdown.js';
import { freeze } from './broadcast/freeze.js';
import type { BroadcastOptions } from './broadcast/options.js';
import { fill } from './broadcast/people.js';
import { sending } from './broadcast/sending.js';
import { withServers } from './series/servers.js';
import type { Servers } from './series/servers.js';
import { printTable } from './table.js';
import type { Row } from './table.js';

/**
 * Broadcasts on a private Postgres and Redis: `npm run bench -- broadcast`, or with `--only=breakdown,freeze` some of its parts.
 * What is counted, frozen and sent is checked each time: everybody once.
 */
const { values: given } = parseArgs({
  options: {
    only: { type: 'string' },
    people: { type: 'string' },
    sends: { type: 'string' },
    rounds: { type: 'string' },
    concurrency: { type: 'string' },
    small: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

interface Part {
  readonly title: string;
  /** Whether it looks at the people who were made at the beginning; else it makes its own. */
  readonly shares: boolean;
  readonly run: (servers: Servers, options: BroadcastOptions) => Promise<Row[]>;
}

const parts: Readonly<Record<string, Part>> = {
  breakdown: { title: 'the number before a launch against a bare count', shares: true, run: breakdown },
  freeze: { title: 'a launch writes everybody down', shares: true, run: freeze },
  sending: { title: 'sends against BullMQ without a guard', shares: false, run: sending },
};

const chosen = given.only?.split(',') ?? Object.keys(parts);
const unknown = chosen.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  process.stderr.write(`no part named ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}\n`);
  process.exit(2);
}

const options: BroadcastOptions = {
  people: Number(given.people ?? (given.small ? 5000 : 1_000_000)),
  sends: Number(given.sends ?? (given.small ? 2000 : 100_000)),
  rounds: Number(given.rounds ?? (given.small ? 1 : 3)),
  concurrency: Number(given.concurrency ?? 50),
};

await withServers(async (servers) => {
  let filled = false;
  for (const name of chosen) {
    const part = parts[name];
    if (part === undefined) continue;
    const started = performance.now();
    if (part.shares && !filled) await fill(servers.pool, options.people);
    filled = part.shares;
    const rows = await part.run(servers, options);
    const seconds = Math.round((performance.now() - started) / 1000);
    printTable(`broadcast ${name}: ${part.title} (${seconds} s in all)`, rows, given.json);
  }
});
