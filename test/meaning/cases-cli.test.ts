import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/program.js';
import { segmentsIn } from '../../src/filter/named-in.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { programFile } from '../support/programs.js';
import type { MeaningCase } from './cases.js';
import { readThemes, segmentsOf } from './cases.js';
import { layOut } from './population.js';
import { insertRecords } from './support.js';

const execute = promisify(execFile);

const workspaceId = 'cases';
const themes = readThemes();
const { people, texts, positionOf } = layOut(themes);
const userIdOf = (each: MeaningCase): string => people[positionOf(each)]?.user_id ?? '';
const main = programFile('src/cli/main');

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
  await insertRecords(database.pool, workspaceId, people, texts);
  for (const [key, filter] of segmentsOf(themes)) {
    await database.pool.query(
      'INSERT INTO segments (workspace_id, key, name, filter, uses) VALUES ($1, $2, $2, $3, $4)',
      [workspaceId, key, JSON.stringify(filter), segmentsIn(filter)],
    );
  }
});

beforeEach(() => vi.stubEnv('DATABASE_URL', database.url));
afterEach(() => vi.unstubAllEnvs());

// The command line asks for people by user_id; visitors without one cannot be named there.
const meanings = themes
  .flatMap((theme) => theme.meanings)
  .filter((each) => userIdOf(each) !== '')
  .map((each) => [each.name, each] as const);

describe('explain', () => {
  it.each(meanings)('%s', async (_, each) => {
    const { code, stdout, stderr } = await run(wordsFor(each));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(verdictOf(stdout, each)).toEqual({ matched: each.expected, reasons: each.clauseReasons });
  });
});

// Anything that does not begin like JSON is a path or the key of a preset.
const refusals = themes
  .flatMap((theme) => theme.refusals)
  .filter(({ text }) => /^[{[]/.test(text))
  .map((each) => [each.name, each] as const);

describe('refuse', () => {
  it.each(refusals)('%s', async (_, { text, refused }) => {
    const words = ['explain', text, '--user', 'user-0', '--workspace', workspaceId, '--json'];
    const { code, stdout, stderr } = await run(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    const body: unknown = JSON.parse(stderr);
    expect(body).toMatchObject({ error: { ...refused[0], details: { problems: refused } } });
  });
});

describe('the program itself, as a process of its own', () => {
  const handful = ['equality', 'order', 'dst', 'prototype-keys', 'times-iso', 'company'];
  const chosen = themes
    .filter(({ name }) => handful.includes(name))
    .flatMap((theme) => theme.meanings.filter((each) => each.expected).slice(0, 1))
    .map((each) => [each.name, each] as const);

  it.each(chosen)('%s', async (_, each) => {
    const { stdout } = await execute(process.execPath, [main, ...wordsFor(each)]);
    expect(verdictOf(stdout, each)).toEqual({ matched: true, reasons: each.clauseReasons });
  });

  it('a refused filter ends it with exit code 2 and the error on stderr', async () => {
    const words = ['explain', '{"and": []}', '--user', 'user-0', '--workspace', workspaceId, '--json'];
    await expect(execute(process.execPath, [main, ...words])).rejects.toMatchObject({
      code: 2,
      stdout: '',
    });
  });
});

function wordsFor(each: MeaningCase): string[] {
  const person = ['--user', userIdOf(each), '--workspace', workspaceId];
  const moment = ['--now', each.now, '--zone', each.zone];
  return ['explain', JSON.stringify(each.filter), ...person, ...moment, '--json'];
}

/** Runs a command in this process; starting a thousand of them would take minutes. */
async function run(words: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const outSpy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    stdout += String(chunk);
    return true;
  });
  const errSpy = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    stderr += String(chunk);
    return true;
  });
  try {
    const code = await runCommandLine(words);
    return { code, stdout, stderr };
  } finally {
    outSpy.mockRestore();
    errSpy.mockRestore();
  }
}

/** What was printed; the reasons only where the case names them. */
function verdictOf(stdout: string, { clauseReasons }: MeaningCase): Record<string, unknown> {
  const explanation: unknown = JSON.parse(stdout);
  if (!isExplanation(explanation)) throw new TypeError(`not an explanation: ${stdout}`);
  const reasons = explanation.clauses.map(({ reason }) => reason);
  return { matched: explanation.matched, reasons: clauseReasons === null ? null : reasons };
}

function isExplanation(value: unknown): value is { matched: boolean; clauses: { reason: string }[] } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'matched' in value &&
    typeof value.matched === 'boolean' &&
    'clauses' in value &&
    Array.isArray(value.clauses)
  );
}
