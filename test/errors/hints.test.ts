import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { filterErrors } from '../../src/errors/filter.js';
import { errorTable } from '../../src/errors/index.js';
import { factsOf } from '../../src/audience/rules/facts.js';
import { parseSeries } from '../../src/automation/series/parse.js';
import { isObject } from '../../src/filter/values.js';
import { muster } from '../cli/muster.js';
import { readFeedback } from '../../src/automation/channels/email/feedback-shapes.js';
import { objectsIn } from '../filter/json-in-text.js';
import { startService } from '../server/service.js';
import type { Service } from '../server/service.js';
import { testDatabase } from '../support/database.js';

/** What an instruction in a hint names has to be there: a command, a call, a variable, an option, a page. */
const hints = Object.entries(errorTable).map(([code, { hint }]) => [code, hint] as const);

let service: Service;

beforeAll(async () => {
  const { pool } = await testDatabase();
  service = await startService(pool, 'acme');
});

/** Every match of a pattern in the hints, each once, with a code that has it. */
function named(pattern: RegExp): [string, string][] {
  const found = new Map<string, string>();
  for (const [code, hint] of hints) {
    for (const [, name = ''] of hint.matchAll(pattern)) if (!found.has(name)) found.set(name, code);
  }
  return [...found];
}

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('errors/'))
  .map((file) => readFileSync(`src/${file}`, 'utf8'))
  .join('\n');

it('a command that a hint names exists', async () => {
  const commands = named(/`muster ([a-z]+(?: [a-z]+)?)/g);
  expect(commands.length).toBeGreaterThan(5);
  for (const [command, code] of commands) {
    const ran = await muster([...command.split(' '), '--help']);
    expect([code, command, ran.code, ran.out.startsWith(`Usage: muster ${command}`)]).toEqual([
      code,
      command,
      0,
      true,
    ]);
  }
});

it('a call that a hint names exists', async () => {
  const { body } = await service.call('GET', '/openapi.json');
  const paths = isObject(body['paths']) ? Object.entries(body['paths']) : [];
  const known = paths.flatMap(([path, methods]) =>
    Object.keys(isObject(methods) ? methods : {}).map((method) =>
      `${method.toUpperCase()} ${path}`.replace(/\{\w+\}/g, '{}'),
    ),
  );
  const calls = named(/\b((?:GET|POST|PUT|PATCH|DELETE) (?:it to )?\/[a-z_/{}.-]*[a-z}])/g);
  expect(calls.length).toBeGreaterThan(5);
  for (const [call, code] of calls) {
    const asked = call.replace('it to ', '').replace(/\{\w+\}/g, '{}');
    expect([code, call, [...known, 'GET /openapi.json', 'GET /readyz'].includes(asked)]).toEqual([
      code,
      call,
      true,
    ]);
  }
});

it('an environment variable, an option and a page that a hint names exist', () => {
  for (const [name, code] of named(/\b(MUSTER_[A-Z_]+|DATABASE_URL|REDIS_URL)\b/g)) {
    expect([code, name, sources.includes(name)]).toEqual([code, name, true]);
  }
  for (const [option, code] of named(/(?<![\w-]|npm ci without )(--[a-z][a-z-]*)/g)) {
    expect([code, option, new RegExp(`'(?:-\\w, )?${option}\\b`).test(sources)]).toEqual([
      code,
      option,
      true,
    ]);
  }
  for (const [page, code] of named(/\b(docs\/[a-z.]+\.(?:md|json))/g)) {
    expect([code, page, existsSync(page)]).toEqual([code, page, true]);
  }
});

/** A call of the service with this body is answered with 2xx, and nothing in it is rejected. */
const posted =
  (path: string, bodyOf: (part: unknown) => unknown = (part) => part) =>
  async (part: unknown): Promise<boolean> => {
    const { status, text } = await service.call('POST', path, bodyOf(part));
    return status < 300 && !/"status":"(?:rejected|refused|failed)"|"rejected":[1-9]/.test(text);
  };
const oneUser = posted('/api/users/batch', (part) => ({ users: [part] }));
const imported = async (part: unknown): Promise<boolean> => {
  const headers = { 'content-type': 'application/x-ndjson', authorization: `Bearer ${service.secretKey}` };
  const { body } = await service.raw('/api/imports', `${JSON.stringify(part)}\n`, headers);
  return body['rows'] === 1 && body['rejected'] === 0;
};

/** What is done with the JSON that a hint writes, for each code outside of the filter language whose hint writes some. */
const written: Readonly<Record<string, (part: unknown) => Promise<boolean>>> = {
  traits_not_object: posted('/api/sdk/users/identify', (traits) => ({ user_id: 'u1', traits })),
  users_not_list: posted('/api/users/batch'),
  user_not_object: oneUser,
  row_not_json: imported,
  entries_not_list: posted('/api/suppressions/batch'),
  entry_not_object: posted('/api/suppressions/batch', (part) => ({ entries: [part] })),
  properties_not_object: posted('/api/sdk/track', (properties) => ({
    user_id: 'u1',
    event: 'e',
    properties,
  })),
  bad_fact: async (part) => Object.keys(factsOf(part)).length > 0,
  empty_steps: async (part) =>
    parseSeries({ ...series, steps: [part] }, { channels: null }).steps.length === 1,
  email_feedback_unknown: async (part) => readFeedback(part) !== null,
};
const series = { key: 'one', name: 'One', trigger: { type: 'user_created' } };

/** Words that stand for what the caller has. */
const filledIn = (hint: string): string =>
  hint.replace(/\bADDRESS\b/g, '"ada@example.org"').replace(/\bID\b(?=[}\]])/g, '"u1"');

it('JSON that a hint writes is taken where the hint says to write it, and no such hint goes untried', async () => {
  const untried: string[] = [];
  const untrue: unknown[] = [];
  for (const [code, hint] of hints) {
    // Those of the language are followed beside it.
    if (code in filterErrors || objectsIn(filledIn(hint)).length === 0) continue;
    const follow = written[code];
    const parts = objectsIn(filledIn(hint));
    if (follow === undefined) untried.push(`${code}: ${hint}`);
    else for (const part of parts) if (!(await follow(part))) untrue.push({ code, part });
  }
  expect([untried, untrue]).toEqual([[], []]);
});
