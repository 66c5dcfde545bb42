import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/program.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import type { MeaningCase, RefusalCase } from './cases.js';
import { readThemes } from './cases.js';
import { layOut } from './population.js';
import { insertRecords } from './support.js';

const workspaceId = 'cases';
const themes = readThemes();
const cases = themes.flatMap((theme) => theme.cases);
const { people, texts, positionOf } = layOut(cases);
const main = new URL('../../src/cli/main.ts', import.meta.url).pathname;

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
  await insertRecords(database.pool, workspaceId, people, texts);
});

beforeEach(() => vi.stubEnv('DATABASE_URL', database.url));
afterEach(() => vi.unstubAllEnvs());

for (const theme of themes) {
  describe(theme.name, () => {
    for (const each of theme.cases) {
      if (each.kind === 'meaning') {
        // The command line asks for people by user_id; visitors without one cannot be named there.
        const userId = people[positionOf(each)]?.user_id ?? '';
        if (userId !== '') it(each.name, () => checkMeaning(each, userId));
      } else if (/^[{[]/.test(each.text)) {
        // Anything else is a path or the key of a preset.
        it(each.name, () => checkRefusal(each));
      }
    }
  });
}

describe('the program itself, as a process of its own', () => {
  const handful = ['equality', 'dst', 'prototype-keys', 'times-iso', 'order', 'company'];
  const chosen = themes
    .filter(({ name }) => handful.includes(name))
    .flatMap((theme) => theme.cases.find((each) => each.kind === 'meaning' && each.expected) ?? []);

  it.each(chosen)('$name', async (each) => {
    if (each.kind !== 'meaning') throw new TypeError('only cases of meaning are chosen');
    const words = wordsFor(each, people[positionOf(each)]?.user_id ?? '');
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...words]);
    expect(verdictOf(stdout)).toEqual({ matched: each.expected, reasons: each.clauseReasons });
  });

  it('a refused filter ends it with exit code 2 and the error on stderr', async () => {
    const words = ['explain', '{"and": []}', '--user', 'user-0', '--workspace', workspaceId, '--json'];
    await expect(
      promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...words]),
    ).rejects.toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('"code":"empty_list"'),
    });
  });
});

async function checkMeaning(each: MeaningCase, userId: string): Promise<void> {
  const { code, stdout, stderr } = await run(wordsFor(each, userId));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const verdict = verdictOf(stdout);
  expect({ 'command line': verdict.matched }).toEqual({ 'command line': each.expected });
  if (each.clauseReasons !== null) expect(verdict.reasons).toEqual(each.clauseReasons);
}

async function checkRefusal({ text, refused }: RefusalCase): Promise<void> {
  const { code, stdout, stderr } = await run([
    'explain',
    text,
    '--user',
    'user-0',
    '--workspace',
    workspaceId,
    '--json',
  ]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  const body: unknown = JSON.parse(stderr);
  expect(body).toMatchObject({ error: { ...refused[0], details: { problems: refused } } });
}

function wordsFor({ filter, now, zone }: MeaningCase, userId: string): string[] {
  const moment = ['--now', now, '--zone', zone];
  return [
    'explain',
    JSON.stringify(filter),
    '--user',
    userId,
    '--workspace',
    workspaceId,
    ...moment,
    '--json',
  ];
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

function verdictOf(stdout: string): { matched: boolean; reasons: string[] } {
  const explanation: unknown = JSON.parse(stdout);
  if (!isExplanation(explanation)) throw new TypeError(`not an explanation: ${stdout}`);
  return { matched: explanation.matched, reasons: explanation.clauses.map(({ reason }) => reason) };
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
