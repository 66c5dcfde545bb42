import { parseFilter } from '../../src/filter/parse.js';
import { indexFilters } from '../../src/filter/percolate.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { UserRecord } from '../../src/filter/record.js';
import { momentOf } from '../../src/filter/time.js';
import { median, printTable } from '../table.js';
import type { Row } from '../table.js';

const moment = momentOf('2026-03-01T12:00:00Z');
const people = 400;

/** Numbers that come again with each run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

const pick = <T>(random: () => number, list: readonly [T, ...T[]]): T =>
  list[Math.floor(random() * list.length)] ?? list[0];
const field = (name: string): unknown => ({ var: name });

/** Clauses over eleven fields; a twelfth, an account of which there are as many as filters, makes a filter selective. */
const clauses: readonly [(random: () => number) => unknown, ...((random: () => number) => unknown)[]] = [
  (random) => ({
    '==': [field('custom:role'), pick(random, ['admin', 'owner', 'member', 'viewer', 'guest'])],
  }),
  (random) => ({ in: [field('custom:plan'), [pick(random, ['free', 'pro', 'team']), 'enterprise']] }),
  (random) => ({ '==': [field('custom:country'), `c${Math.floor(random() * 60)}`] }),
  (random) => ({ has: [field('custom:tags'), `t${Math.floor(random() * 40)}`] }),
  (random) => ({ '>=': [field('custom:seats'), Math.floor(random() * 100)] }),
  (random) => ({ '<': [field('custom:sessions'), Math.floor(random() * 500)] }),
  (random) => ({ '>=': [field('signed_up_at'), { ago: [Math.floor(random() * 700), 'days'] }] }),
  (random) => ({ '<': [field('last_seen'), { ago: [Math.floor(random() * 90), 'days'] }] }),
  (random) => ({ '==': [field('custom:source'), `s${Math.floor(random() * 12)}`] }),
  (random) => ({ '==': [field('custom:language'), `l${Math.floor(random() * 8)}`] }),
  () => ({ exists: field('email') }),
];

function filterOf(random: () => number, selective: boolean, accounts: number): unknown {
  const chosen = Array.from({ length: 2 + Math.floor(random() * 4) }, () => pick(random, clauses)(random));
  if (selective) chosen.push({ '==': [field('custom:account'), `a${Math.floor(random() * accounts)}`] });
  return { and: chosen };
}

function personOf(random: () => number, accounts: number): UserRecord {
  const days = (most: number): string => new Date(moment.now - random() * most * 86_400_000).toISOString();
  return {
    email: random() < 0.8 ? 'somebody@example.com' : null,
    signed_up_at: new Date(days(900)),
    last_seen: new Date(days(120)),
    custom_fields: {
      account: `a${Math.floor(random() * accounts)}`,
      role: pick(random, ['admin', 'owner', 'member', 'viewer', 'guest']),
      plan: pick(random, ['free', 'pro', 'team', 'enterprise']),
      country: `c${Math.floor(random() * 60)}`,
      tags: Array.from({ length: 3 }, () => `t${Math.floor(random() * 40)}`),
      seats: Math.floor(random() * 100),
      sessions: Math.floor(random() * 500),
      source: `s${Math.floor(random() * 12)}`,
      language: `l${Math.floor(random() * 8)}`,
    },
  };
}

/** Microseconds of the processor for one person, the median of seven rounds. */
function timeOf(run: (user: UserRecord) => unknown, of: readonly UserRecord[]): number {
  const rounds = Array.from({ length: 7 }, () => {
    // Of the processor, so that whatever else runs on the machine is not counted.
    const from = process.cpuUsage();
    for (const user of of) run(user);
    const { user: own, system } = process.cpuUsage(from);
    return (own + system) / of.length;
  });
  return median(rounds);
}

/** One changed person against many filters: the index, and a loop over all predicates. Both must find the same. */
export function percolateBenchmark({ json }: { readonly json: boolean }): void {
  const rows: Row[] = [];
  for (const { name, filters: count, selective } of [
    { name: '10,000 selective', filters: 10_000, selective: true },
    { name: '10,000 broad', filters: 10_000, selective: false },
    { name: '50,000 selective', filters: 50_000, selective: true },
  ]) {
    const random = randomFrom(17);
    const filters = Array.from({ length: count }, () => parseFilter(filterOf(random, selective, count)));
    const users = Array.from({ length: people }, () => personOf(random, count));
    const started = performance.now();
    const index = indexFilters(filters);
    const built = performance.now() - started;
    const tests = filters.map((filter) => compilePredicate(filter, moment));
    let matches = 0;
    const loop = (user: UserRecord): number[] => {
      const found: number[] = [];
      for (let position = 0; position < tests.length; position += 1)
        if (tests[position]?.(user) === true) found.push(position);
      return found;
    };
    for (const user of users) {
      const expected = loop(user).join();
      const found = index.matching(user, moment).toSorted((a, b) => a - b);
      if (found.join() !== expected) throw new Error('the index and the loop disagree');
      matches += found.length;
    }
    const asked = index.asked;
    const indexed = timeOf((user) => index.matching(user, moment), users);
    const looped = timeOf(loop, users.slice(0, 40));
    rows.push({
      filters: name,
      matching: matches / people,
      asked: asked / people,
      'index µs': indexed,
      'loop µs': looped,
      'loop / index': looped / indexed,
      'build ms': built,
      goal: selective ? (count === 10_000 ? '10 µs, 20 times' : '') : '200 µs',
      reached: selective ? indexed < 10 && looped / indexed >= 20 : indexed < 200,
    });
  }
  printTable('One changed person against many segments', rows, json);
}
