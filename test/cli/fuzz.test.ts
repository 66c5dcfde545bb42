import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { errorTable } from '../../src/errors/index.js';
import { randomOf } from '../chaos/random.js';
import type { Random } from '../chaos/random.js';
import { testDatabase } from '../support/database.js';
import { startService } from '../server/service.js';
import { musterHere } from './in-process.js';
import { ownFolder } from './muster.js';
import type { Ran, Variables } from './muster.js';

/** A command as its page of the help shows it. */
interface Page {
  readonly words: readonly string[];
  readonly arguments: number;
  /** The name of each option, and whether it takes a value. */
  readonly options: readonly (readonly [name: string, takesValue: boolean])[];
}

const folder = ownFolder();
let database: Variables;
let pages: readonly Page[];

/** They go on running when they have what they need. */
const servers = new Set(['start', 'serve', 'worker']);

beforeAll(async () => {
  const { url, pool } = await testDatabase();
  database = { DATABASE_URL: url, MUSTER_DATA: folder };
  await startService(pool, 'sample');
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  mkdirSync(join(folder, 'folder.json'));
  pages = (await pagesBelow([])).filter(({ words }) => !servers.has(words[0] ?? ''));
});

const files: Readonly<Record<string, string | Uint8Array>> = {
  'empty.json': '',
  'empty.csv': '',
  'blank.csv': '\n\n \n',
  'binary.json': Uint8Array.from({ length: 3_000 }, (_each, index) => (index * 7919) % 256),
  'binary.csv': Uint8Array.from({ length: 3_000 }, (_each, index) => (index * 7919) % 256),
  'nul.csv': 'user_id,plan\nu\u00001,a\u0000b\n',
  'nul.json': '{"key": "a\u0000b"}',
  'line.csv': `user_id,plan\n${'x'.repeat(1_500_000)},y\n`,
  'line.json': `{"key": "${'x'.repeat(1_500_000)}"}`,
  'deep.json': '['.repeat(50_000) + ']'.repeat(50_000),
  'open.json': '{"key": "welcome", "steps": [',
  'list.json': '[1, "x", null]',
  'null.json': 'null',
  'twice.json': '{"key": "a", "key": "b"}',
  'open.csv': 'user_id,plan\n1,"never closed\n',
  'header.csv': 'a,b,c\n1,2,3\n',
  'lines.ndjson': '{"user_id": 1}\n[]\nnonsense\n',
};
const absent = ['missing.json', 'missing.csv', 'x'.repeat(5_000), `${'x'.repeat(5_000)}.json`];
const paths = [...Object.keys(files), 'folder.json', ...absent].map((name) => join(folder, name));

/** Every command below these words. */
async function pagesBelow(words: readonly string[]): Promise<Page[]> {
  const { out } = await musterHere([...words, '--help']);
  const section = (title: string): string[] =>
    (new RegExp(`^${title}:\n((?: {2}.*\n)*)`, 'm').exec(out)?.[1] ?? '').split('\n');
  const below = section('Commands').flatMap((line) => /^ {2}([a-z][\w-]*)/.exec(line)?.[1] ?? []);
  if (below.length > 0) {
    const found: Page[] = [];
    for (const name of below) if (name !== 'help') found.push(...(await pagesBelow([...words, name])));
    return found;
  }
  const usage = /^Usage: (.*)$/m.exec(out)?.[1] ?? '';
  const options = section('Options').flatMap((line) => {
    const [, name, value] = /^ {2}(?:-\w, )?(--[\w-]+)( [<[])?/.exec(line) ?? [];
    return name === undefined || name === '--help' ? [] : [[name, value !== undefined] as const];
  });
  return [{ words, arguments: [...usage.matchAll(/[<[](?!options)[\w.-]+[>\]]/g)].length, options }];
}

const rubbish = [
  '',
  ' ',
  'nothing',
  'x'.repeat(5_000),
  'a\u001b[31mb',
  '\ud800',
  '😀',
  '__proto__',
  'constructor',
  '../../../etc/passwd',
  '/dev/null',
  '/',
  '-1',
  '0',
  '1e999',
  'NaN',
  '99999999999999999999',
  '2026-02-30',
  '{',
  '[]',
  'null',
  '{}',
  '{"and": []}',
  '{"==": [{"var": "nope"}, 1]}',
  `${'{"!":['.repeat(3_000)}1${']}'.repeat(3_000)}`,
  "'; DROP TABLE end_users; --",
  'admins',
  'onboarding',
] as const;

const value = (random: Random): string => (random.chance(0.4) ? random.pick(paths) : random.pick(rubbish));

function argsOf({ words, arguments: count, options }: Page, random: Random): string[] {
  const args = [...words];
  const given = random.chance(0.9) ? count : random.int(0, count + 2);
  for (let index = 0; index < given; index += 1) args.push(value(random));
  for (const [name, takesValue] of options) {
    if (name === '--workspace' ? random.chance(0.9) : random.chance(0.7)) continue;
    args.push(name, ...(takesValue && random.chance(0.97) ? [value(random)] : []));
  }
  if (random.chance(0.03)) args.push('--nope');
  return args;
}

/** What is wrong with how a command ended; empty where nothing is. */
function faultsOf(args: readonly string[], { code, out, err }: Ran): string[] {
  const faults: string[] = [];
  if (/^ +at .*:\d+:\d+\)?$/m.test(out + err)) faults.push('it shows a stack');
  if (/\[object \w+\]|\bundefined\b/.test(err)) faults.push('it shows the inside');
  // eslint-disable-next-line no-control-regex -- looked for
  if (/[^\P{Cc}\n]/u.test(err)) faults.push('it writes a control character');
  if (err.length > 20_000) faults.push(`it says ${err.length} characters`);
  if (code === 0 || code === 1) return faults;
  const found = args.includes('--json')
    ? refusalIn(err)
    : /^error .*\[(\w+)\]\n(?: {2}at {3}.*\n)? {2}hint \S/m.exec(err)?.[1];
  if (found === undefined) return [...faults, 'it has no code and hint'];
  const entry = Object.entries(errorTable).find(([name]) => name === found)?.[1];
  if (entry?.exit !== code) faults.push(`${found} ends with ${code}`);
  if (found === 'unexpected') faults.push('it did not expect it');
  return faults;
}

function refusalIn(err: string): string | undefined {
  const last = err.trimEnd().split('\n').at(-1) ?? '';
  return /^\{"error":\{"code":"(\w+)".*"hint":"[^"]/.exec(last)?.[1];
}

const shown = (args: readonly string[]): string =>
  `muster ${args.map((each) => JSON.stringify(each.slice(0, 200))).join(' ')}`;

it('no arguments and no file make a command fail without a code and a hint', async () => {
  // More of it: FUZZ_SEED=7 FUZZ_ROUNDS=100.
  const seed = Number(process.env['FUZZ_SEED'] ?? 1);
  const rounds = Number(process.env['FUZZ_ROUNDS'] ?? 2);
  const random = randomOf(seed);
  const seen: string[] = [];
  expect(pages.length).toBeGreaterThan(40);
  const home = process.cwd();
  // What an option writes lands here.
  process.chdir(folder);
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const page of pages) {
        const args = argsOf(page, random);
        const began = performance.now();
        const ran = await musterHere(args, database);
        const faults = faultsOf(args, ran);
        const ms = performance.now() - began;
        if (ms > 10_000) faults.push(`it takes ${ms} ms`);
        if (faults.length > 0)
          seen.push(`${shown(args)}: ${faults.join('; ')} (seed ${seed})\n${ran.err.slice(0, 600)}`);
      }
    }
  } finally {
    process.chdir(home);
  }
  expect(seen).toEqual([]);
});

it('a file that is none makes every command that reads one end with 1 or more', async () => {
  const passed: string[] = [];
  const reading = pages.filter(({ words }) =>
    /^(?:import|compile|preview|report|lint|simulate|series (?:save|diff)|broadcast save|segments (?:save|diff)|suppressions import|unsubscribes import)$/.test(
      words.join(' '),
    ),
  );
  expect(reading.length).toBeGreaterThan(8);
  const bad = [...paths.filter((path) => !/lines|header|nul\.csv|line\.csv/.test(path)), 'x'.repeat(5_000)];
  for (const { words } of reading) {
    for (const path of bad) {
      const args = [...words, path];
      const ran = await musterHere(args, database);
      const faults = faultsOf(args, ran);
      // A folder in which there is nothing to look at has nothing wrong in it.
      if (ran.code === 0 && !(words[0] === 'lint' && path.endsWith('folder.json')))
        faults.push('it takes it');
      if (faults.length > 0)
        passed.push(`${shown(args)}: ${faults.join('; ')}\n${ran.out.slice(0, 300)}${ran.err.slice(0, 600)}`);
    }
  }
  expect(passed).toEqual([]);
});

it('the servers refuse options that make no sense before they start anything', async () => {
  for (const name of servers)
    for (const args of [
      [name, '--nope'],
      [name, 'x', 'y'],
      [name, '--port', 'x'],
      [name, '--workspace', '../x'],
    ]) {
      const ran = await musterHere(args, database);
      expect([args, ran.code, faultsOf(args, ran)]).toEqual([args, 2, []]);
    }
});
