import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import * as muster from '../../src/index.js';
import {
  compilePredicate,
  compileSql,
  explain,
  momentOf,
  parseFilter,
  printFilter,
  sentence,
} from '../../src/index.js';

it('what the library gives changes on purpose only', () => {
  expect(Object.keys(muster).toSorted()).toEqual([
    'MusterError',
    'backfillUser',
    'backfillUsers',
    'compileExplanation',
    'compilePredicate',
    'compileSql',
    'customerFor',
    'daysSinceSignup',
    'deleteContextEntry',
    'deleteRule',
    'equalFilters',
    'eraseUser',
    'evaluateRule',
    'evaluateRuleForUser',
    'exampleRules',
    'explain',
    'explainSeries',
    'explainUser',
    'exportUser',
    'fieldNamed',
    'foldTraits',
    'getRule',
    'getUser',
    'identify',
    'identifyCompany',
    'identifyVisitor',
    'importUsers',
    'instantOf',
    'isSuppressed',
    'knownFieldNames',
    'leavesOf',
    'limits',
    'lintFilter',
    'listContextEntries',
    'listRules',
    'listSuppressed',
    'listUnsubscribed',
    'loadPresets',
    'loadRule',
    'loadSeries',
    'loadTraitCatalogue',
    'migrate',
    'momentOf',
    'nameOf',
    'openPool',
    'pageOf',
    'parseFilter',
    'parseFilterText',
    'parseRule',
    'parseSeries',
    'presetNamed',
    'preview',
    'printFilter',
    'readUserRecord',
    'rebuildTraits',
    'reportAudience',
    'reportSeries',
    'resubscribe',
    'saveRule',
    'sentence',
    'sentenceOf',
    'setContextEntry',
    'simulate',
    'suppress',
    'targetingOf',
    'track',
    'unsubscribe',
    'unsuppress',
  ]);
});

it('one filter is read as SQL, as a predicate, as an explanation and as English without any server', () => {
  const json = {
    and: [
      { '==': [{ var: 'custom:role' }, 'admin'] },
      { '>=': [{ var: 'signed_up_at' }, { ago: [30, 'days'] }] },
    ],
  };
  const filter = parseFilter(json);
  const moment = momentOf('2026-03-01T12:00:00Z', 'Europe/Berlin');
  const user = { user_id: 'u1', signed_up_at: '2026-02-20', custom_fields: { role: 'Admin' } };

  const { text, values, fields } = compileSql(filter, { moment, offset: 1, alias: 'p' });
  expect(text).toMatch(/^p\.custom_fields @> \$2::jsonb AND p\.signed_up_at >= \$3/);
  expect(values).toHaveLength(2);
  expect(fields).toEqual(['custom:role', 'signed_up_at']);
  expect(compilePredicate(filter, moment)(user)).toBe(false);
  expect(explain(filter, user, moment).clauses.map(({ reason }) => reason)).toEqual([
    'case_mismatch',
    'matched',
  ]);
  expect(sentence(filter)).toBe('role is "admin" and signed_up_at is 30 days ago or later');
  expect(printFilter(filter)).toEqual(json);
});

it('a refusal carries every problem with code, path and hint', () => {
  const refusal = refusalOf(() => parseFilter({ and: [{ nope: 1 }, { '==': [{ var: 'roel' }, 1] }] }));
  expect(refusal?.problems.map(({ code, path }) => [code, path])).toEqual([
    ['unknown_operator', '/and/0/nope'],
    ['unknown_field', '/and/1/==/0/var'],
  ]);
  expect(refusal?.toBody().error.details).toEqual({ problems: refusal?.problems });
});

function refusalOf(work: () => unknown): muster.MusterError | null {
  try {
    work();
  } catch (error) {
    if (error instanceof muster.MusterError) return error;
  }
  return null;
}

it('importing the library opens nothing: a process that only imports it ends by itself', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      `await import('./src/index.ts'); console.log('imported')`,
    ],
    { timeout: 100_000 },
  );
  expect(stdout).toBe('imported\n');
});
