import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { lintTraits } from '../../src/audience/lint/traits.js';
import { lintSeries } from '../../src/automation/series/lint.js';
import { parseSeries } from '../../src/automation/series/parse.js';
import type { Pool } from '../../src/database/pool.js';
import { parseFilter } from '../../src/filter/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { loadTraitCatalogue } from '../../src/traits/catalogue/load.js';
import { identify } from '../../src/traits/identify.js';
import { muster } from '../cli/muster.js';
import { startService } from '../server/service.js';
import { testDatabase } from '../support/database.js';

let pool: Pool;
const moment = momentOf('2026-03-01T12:00:00Z');
const send = (key: string) => ({ type: 'send', key, channel: 'log', message: { text: 'hello' } });
const role = { var: 'custom:role' };
const contradiction = { and: [{ '==': [role, 'Admin'] }, { '==': [role, 'owner'] }] };

beforeAll(async () => {
  ({ pool } = await testDatabase());
  await pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('acme', 'Acme')`);
  await identify(pool, { workspaceId: 'acme', userId: 'u1', traits: { role: 'Admin', seats: '10' } });
  await identify(pool, { workspaceId: 'acme', userId: 'u2', traits: { role: 'Admin', seats: '9' } });
});

it('a trait, a type and a letter case that nobody sends are told, and those that somebody sends are not', async () => {
  const catalogue = await loadTraitCatalogue(pool, 'acme');
  const lint = (filter: unknown): string[] =>
    lintTraits(parseFilter(filter), catalogue).map(({ code, path }) => `${code} ${path}`);
  const seats = { var: 'custom:seats' };
  expect(lint({ and: [{ exists: { var: 'custom:plan' } }, { exists: role }] })).toEqual([
    'trait_never_sent /and/0',
  ]);
  expect(lint({ '>': [seats, 5] })).toEqual(['type_never_sent ']);
  expect(lint({ in: [seats, [5, '9']] })).toEqual([]);
  expect(lint({ '==': [role, 'admin'] })).toEqual(['letter_case_never_sent ']);
  expect(lint({ '==': [{ lower: role }, 'admin'] })).toEqual([]);
  expect(lint({ '==': [role, 'viewer'] })).toEqual([]);
});

it('every filter of a series is looked at, at its place, and an arm behind one that everybody takes is not reached', () => {
  const series = parseSeries({
    key: 'one',
    name: 'One',
    trigger: { type: 'user_created' },
    audience: contradiction,
    exit: { or: [{ exists: role }, { missing: role }] },
    steps: [
      {
        type: 'branch',
        key: 'ways',
        arms: [
          { when: { everyone: true }, to: 'a' },
          { when: { exists: role }, to: 'b' },
        ],
      },
      send('a'),
      { type: 'wait_for', key: 'b', filter: { between: [{ var: 'custom:n' }, 5, 1] }, timeout: [1, 'days'] },
    ],
  });
  expect(lintSeries(series, moment).map(({ code, path }) => `${code} ${path}`)).toEqual([
    'contradiction /audience',
    'always_true /exit',
    'empty_window /steps/2/filter',
    'unreachable_arm /steps/0/arms/1',
  ]);
});

it('an event and a property that nobody sends are told where a series begins with them or waits for them', () => {
  const step = { type: 'wait_for', key: 'b', event: 'Order Completed', timeout: [1, 'days'] };
  const series = parseSeries({
    key: 'one',
    name: 'One',
    trigger: { type: 'event', event: 'order completed' },
    steps: [{ ...step, where: { '==': [{ var: 'property:plan' }, 'pro'] } }, send('a')],
  });
  const properties = new Map([['Order Completed', ['Plan']]]);
  const found = lintSeries(series, moment, { traits: [], events: ['Order Completed'], properties });
  expect(found.map(({ path, hint }) => `${path}: ${hint}`)).toEqual([
    '/trigger/event: did you mean `Order Completed`?',
    '/steps/0/where: did you mean `property:Plan`?',
  ]);
});

it('a series that is saved is saved whatever is found, and the answer says what is', async () => {
  const service = await startService(pool, 'acme');
  const { status, body } = await service.call('POST', '/api/series', {
    key: 'one',
    name: 'One',
    trigger: { type: 'user_created' },
    audience: contradiction,
    steps: [send('hello')],
  });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    key: 'one',
    version: 1,
    warnings: [{ code: 'contradiction', severity: 'error', path: '/audience' }],
  });
});

it('a broadcast that is saved says the same of its audience', async () => {
  const service = await startService(pool, 'acme');
  const broadcast = {
    key: 'news',
    name: 'News',
    audience: contradiction,
    channel: 'log',
    message: { text: 'Hi' },
  };
  for (const [method, path, saved] of [
    ['POST', '/api/broadcasts', 201],
    ['PUT', '/api/broadcasts/news', 200],
  ] as const) {
    const { status, body } = await service.call(method, path, broadcast);
    expect([status, body['warnings']]).toMatchObject([saved, [{ code: 'contradiction', path: '/audience' }]]);
  }
});

it('muster lint ends with 0 where it finds nothing, 1 where it finds something, 2 where it cannot read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-lint-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, document: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(document));
    return join(folder, name);
  };
  const clean = await muster(['lint', write('clean.json', { exists: role }), '--offline']);
  expect([clean.code, clean.out, clean.err]).toEqual([0, 'nothing found in 1 file\n', '']);
  const steps = [{ type: 'exit', key: 'end-here' }, send('never')];
  write('series.json', { key: 's', name: 'S', trigger: { type: 'user_created' }, steps });
  write('filter.json', contradiction);
  const owner = { '==': [role, 'owner'] };
  const rule = { if: [owner, 'show', { and: [owner, { exists: role }] }, 'show'] };
  const shape = { key: 'r', title: 'R', decides: 'banner', outcomes: ['show', 'hide'], default: 'hide' };
  write('rule.json', { ...shape, rule });
  const found = await muster(['lint', folder, '--offline', '--json']);
  expect([found.code, found.err]).toEqual([1, '']);
  expect(JSON.parse(found.out)).toMatchObject({
    files: 4,
    findings: [
      { file: join(folder, 'filter.json'), code: 'contradiction', path: '' },
      { file: join(folder, 'rule.json'), code: 'unreachable_branch', path: '/rule/if/3' },
      { file: join(folder, 'series.json'), code: 'unreachable_step', path: '/steps/1' },
    ],
  });
  const bad = await muster(['lint', write('bad.json', { and: [] }), '--offline']);
  expect([bad.code, bad.out]).toEqual([2, '']);
  expect(bad.err).toContain('bad.json');
});
