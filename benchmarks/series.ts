import { parseArgs } from 'node:util';
import { guarded } from './series/guarded.js';
import { herd } from './series/herd.js';
import { killed } from './series/killed.js';
import { latency } from './series/latency.js';
import type { SeriesOptions } from './series/options.js';
import { wiped } from './series/wiped.js';
import { printTable } from './table.js';
import type { Row } from './table.js';

/**
 * The runtime of series on a private Postgres and Redis: `npm run bench -- series`, or with `--only=guarded,latency` some of
 * its parts. What is measured is checked each time: everybody was sent what they were to be sent, once.
 */
const { values: given } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    steps: { type: 'string' },
    concurrency: { type: 'string' },
    rate: { type: 'string' },
    seconds: { type: 'string' },
    pending: { type: 'string' },
    herd: { type: 'string' },
    load: { type: 'string' },
    small: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

interface Part {
  readonly title: string;
  readonly run: (options: SeriesOptions) => Promise<Row[]>;
  /** Rounds of the full size. */
  readonly rounds: number;
}

const parts: Readonly<Record<string, Part>> = {
  guarded: { title: 'guarded steps against BullMQ without a guard', run: guarded, rounds: 5 },
  latency: { title: 'from identify to the welcome, by the example series', run: latency, rounds: 3 },
  killed: { title: 'a worker is killed: its steps are delivered by another', run: killed, rounds: 5 },
  wiped: { title: 'Redis is emptied while a backlog is due', run: wiped, rounds: 1 },
  herd: { title: 'everybody due at one instant, one worker', run: herd, rounds: 1 },
};

const chosen = given.only?.split(',') ?? Object.keys(parts);
const unknown = chosen.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  process.stderr.write(`no part named ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}\n`);
  process.exit(2);
}

const size = (name: Exclude<keyof SeriesOptions, 'rounds'>, full: number, small: number): number =>
  Number(given[name] ?? (given.small ? small : full));

for (const name of chosen) {
  const part = parts[name];
  if (part === undefined) continue;
  const started = performance.now();
  const rows = await part.run({
    rounds: Number(given.rounds ?? (given.small ? 1 : part.rounds)),
    steps: size('steps', 10_000, 500),
    concurrency: size('concurrency', 50, 50),
    rate: size('rate', 500, 50),
    seconds: size('seconds', 15, 2),
    pending: size('pending', 1_000_000, 20_000),
    herd: size('herd', 100_000, 2000),
    load: size('load', 20_000, 2000),
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  printTable(`series ${name}: ${part.title} (${seconds} s in all)`, rows, given.json);
}
