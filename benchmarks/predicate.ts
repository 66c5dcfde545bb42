import { parseArgs } from 'node:util';
import jsonLogic, { type RulesLogic } from 'json-logic-js';
import { LogicEngine } from 'json-logic-engine';
import { Engine } from 'json-rules-engine';
import * as siftPackage from 'sift';
import { parseFilter } from '../src/filter/parse.js';
import { compilePredicate } from '../src/filter/predicate.js';
import { compileSql } from '../src/filter/sql.js';
import { momentOf } from '../src/filter/time.js';
import { filter, now, people, workloads, type Person } from './five-clauses.js';
import { median, printTable } from './table.js';

/**
 * One filter of five clauses over 1,024 people: Muster's predicate against other rule libraries and a hand-written
 * function. All must agree on every person before anything is timed; the contestants then take turns, and each
 * ratio is within one run. `vs Muster` above 1 means that Muster is faster.
 *
 * The others get what suits them: times as numbers, and facts already laid out flat where a library wants them flat.
 * The people hold nothing that the others coerce into another answer (no `"25"` where a number belongs, no missing time),
 * since there they would disagree with Muster and with each other.
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    /** Milliseconds for each contestant in each round. */
    slice: { type: 'string', default: '120' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const slice = Number(options.slice);

const moment = momentOf(now, 'UTC');
const inBerlin = momentOf(now, 'Europe/Berlin');
const monthAgo = moment.now - 30 * 86_400_000;

/** A person for the libraries that know no Date: the time column in milliseconds since 1970. */
interface Plain {
  readonly signed_up_at: number;
  readonly custom_fields: Readonly<Record<string, unknown>>;
}

/** A person for json-rules-engine, which takes facts by name. */
type Facts = Record<string, unknown>;

const logic: RulesLogic = {
  and: [
    { '===': [{ var: 'custom_fields.role' }, 'admin'] },
    { in: [{ var: 'custom_fields.plan' }, ['pro', 'enterprise']] },
    { '>=': [{ var: 'custom_fields.sessions' }, 20] },
    { '<': [{ var: 'signed_up_at' }, monthAgo] },
    {
      or: [
        { in: ['beta', { var: 'custom_fields.tags' }] },
        { '===': [{ var: 'custom_fields.country' }, 'DE'] },
      ],
    },
  ],
};

const mongo = {
  'custom_fields.role': 'admin',
  'custom_fields.plan': { $in: ['pro', 'enterprise'] },
  'custom_fields.sessions': { $gte: 20 },
  signed_up_at: { $lt: monthAgo },
  $or: [{ 'custom_fields.tags': 'beta' }, { 'custom_fields.country': 'DE' }],
};

const rules = {
  conditions: {
    all: [
      { fact: 'role', operator: 'equal', value: 'admin' },
      { fact: 'plan', operator: 'in', value: ['pro', 'enterprise'] },
      { fact: 'sessions', operator: 'greaterThanInclusive', value: 20 },
      { fact: 'signed_up_at', operator: 'lessThan', value: monthAgo },
      {
        any: [
          { fact: 'tags', operator: 'contains', value: 'beta' },
          { fact: 'country', operator: 'equal', value: 'DE' },
        ],
      },
    ],
  },
  event: { type: 'matched' },
};

function handWritten(user: Person): boolean {
  const traits = user.custom_fields;
  if (traits['role'] !== 'admin') return false;
  const plan = traits['plan'];
  if (plan !== 'pro' && plan !== 'enterprise') return false;
  const sessions = traits['sessions'];
  if (typeof sessions !== 'number' || sessions < 20) return false;
  if (user.signed_up_at.getTime() >= monthAgo) return false;
  const tags = traits['tags'];
  return (Array.isArray(tags) && tags.includes('beta')) || traits['country'] === 'DE';
}

function isTest(value: unknown): value is (user: Plain) => unknown {
  return typeof value === 'function';
}

const predicate = compilePredicate(parseFilter(filter), moment);
const interpreter = new LogicEngine();
const built: unknown = new LogicEngine().build(logic);
if (!isTest(built)) throw new TypeError('json-logic-engine built no function');
// CommonJS behind ESM types: the package's default export has the function as its own default.
const sifted = siftPackage.default.default<unknown>(mongo);
const engine = new Engine([rules], { allowUndefinedFacts: true });

interface Contestant {
  readonly name: string;
  /** One evaluation of every person: how many matched. */
  readonly pass: () => number | Promise<number>;
  readonly verdicts: () => boolean[] | Promise<boolean[]>;
}

function contestant<T>(name: string, records: readonly T[], matches: (record: T) => unknown): Contestant {
  return {
    name,
    pass: () => {
      let matched = 0;
      for (const record of records) if (matches(record)) matched += 1;
      return matched;
    },
    verdicts: () => records.map((record) => Boolean(matches(record))),
  };
}

function asyncContestant<T>(
  name: string,
  records: readonly T[],
  matches: (record: T) => Promise<boolean>,
): Contestant {
  const verdicts = async (): Promise<boolean[]> => {
    const found: boolean[] = [];
    for (const record of records) found.push(await matches(record));
    return found;
  };
  return { name, verdicts, pass: async () => (await verdicts()).filter(Boolean).length };
}

/** Nanoseconds of one evaluation, over as many passes as fit the slice. */
async function time(pass: Contestant['pass'], count: number): Promise<number> {
  const start = process.hrtime.bigint();
  const until = start + BigInt(slice) * 1_000_000n;
  let passes = 0;
  let end = start;
  do {
    const result = pass();
    if (typeof result !== 'number') await result;
    passes += 1;
    end = process.hrtime.bigint();
  } while (end < until);
  return Number(end - start) / (passes * count);
}

for (const workload of workloads) {
  const users = people(workload);
  const plain: Plain[] = users.map((user) => ({ ...user, signed_up_at: user.signed_up_at.getTime() }));
  const facts: Facts[] = plain.map((user) => ({ ...user.custom_fields, signed_up_at: user.signed_up_at }));
  const contestants: Contestant[] = [
    contestant('hand-written function', users, handWritten),
    contestant('Muster predicate', users, predicate),
    contestant('json-logic-engine, built (eval)', plain, built),
    contestant('json-logic-engine, interpreted', plain, (user) => interpreter.run(logic, user) as unknown),
    contestant('json-logic-js', plain, (user) => jsonLogic.apply(logic, user) as unknown),
    contestant('sift', plain, sifted),
    asyncContestant('json-rules-engine', facts, async (user) => (await engine.run(user)).events.length > 0),
  ];

  const expected = users.map(handWritten);
  for (const { name, verdicts } of contestants) {
    const found = await verdicts();
    const differing = expected.findIndex((verdict, index) => verdict !== found[index]);
    if (differing !== -1) {
      throw new Error(
        `${name} disagrees on ${JSON.stringify(users[differing])}: expected ${expected[differing]}`,
      );
    }
  }

  const timings = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (const { pass } of contestants) await time(pass, users.length);
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, pass } of contestants) timings.get(name)?.push(await time(pass, users.length));
  }
  const muster = median(timings.get('Muster predicate') ?? []);
  const matching = expected.filter(Boolean).length;
  printTable(
    `predicate, ${workload.clauses}, ${workload.shapes} shapes: ${users.length} people, ${matching} match, median of ${rounds} rounds`,
    contestants.map(({ name }) => {
      const nanoseconds = median(timings.get(name) ?? []);
      return {
        name,
        'ns each': Math.round(nanoseconds * 10) / 10,
        'vs Muster': Math.round((nanoseconds / muster) * 100) / 100,
      };
    }),
    options.json,
  );
}

const compiles: [string, () => unknown][] = [
  ['parse', () => parseFilter(filter)],
  ['parse + compile to SQL, UTC', () => compileSql(parseFilter(filter), { moment })],
  // A zone costs more: luxon asks the platform for the zone's offset at each end of a calendar length.
  ['parse + compile to SQL, Europe/Berlin', () => compileSql(parseFilter(filter), { moment: inBerlin })],
  ['parse + compile to a predicate', () => compilePredicate(parseFilter(filter), moment)],
  ['json-logic-engine build', () => new LogicEngine().build(logic)],
];
const compileTimings = new Map(compiles.map(([name]) => [name, [] as number[]]));
for (let round = 0; round <= rounds; round += 1) {
  for (const [name, run] of compiles) {
    const nanoseconds = await time(() => (run(), 1), 1);
    if (round > 0) compileTimings.get(name)?.push(nanoseconds);
  }
}
printTable(
  `compile the same filter, median of ${rounds} rounds`,
  compiles.map(([name]) => ({
    name,
    'µs each': Math.round(median(compileTimings.get(name) ?? []) / 100) / 10,
  })),
  options.json,
);
