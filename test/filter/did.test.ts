import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { explainUser } from '../../src/audience/explain.js';
import { explain } from '../../src/filter/explain.js';
import { verdictHorizon } from '../../src/filter/horizon/verdict.js';
import { parseFilter } from '../../src/filter/parse.js';
import { compilePredicate } from '../../src/filter/predicate.js';
import type { EventRecord, UserRecord } from '../../src/filter/record.js';
import { sentence } from '../../src/filter/sentence.js';
import { compileSql } from '../../src/filter/sql.js';
import { momentOf } from '../../src/filter/time.js';
import type { Leaf } from '../../src/filter/tree.js';
import { track } from '../../src/traits/track.js';
import { testDatabase } from '../support/database.js';
import type { TestDatabase } from '../support/database.js';
import { codesOf } from '../traits/support.js';
import { untyped } from './records.js';

const moment = momentOf('2026-06-15T12:00:00Z', 'Europe/Berlin');
const amount = { var: 'property:amount' };
const opened = (occurred_at: string, properties = {}): EventRecord => ({
  event: 'opened',
  occurred_at,
  properties,
});
const did = (more: object = {}): { did: object } => ({ did: { event: 'opened', ...more } });

function leafOf(document: unknown): Leaf {
  const filter = parseFilter(document);
  if (filter.kind === 'and' || filter.kind === 'or' || filter.kind === 'not') throw new Error('no leaf');
  return filter;
}

const clauseOf = (document: unknown, events: EventRecord[]) =>
  explain(parseFilter(document), { events }, moment).clauses[0];

/** When the condition turns for somebody who opened at those times, as ISO text. */
const turns = (document: unknown, times: string[], now: string, zone = 'UTC'): string | null => {
  const user = { events: times.map((time) => opened(time)) };
  const found = verdictHorizon(leafOf(document), user, momentOf(now, zone));
  return found === null ? null : new Date(found).toISOString();
};

describe('the sentence', () => {
  it.each<[unknown, string]>([
    [did(), 'did opened'],
    [did({ count: ['>', 0] }), 'did opened'],
    [did({ count: ['==', 0] }), 'never did opened'],
    [did({ count: ['<', 1], within: [1, 'months'] }), 'never did opened in the last 1 month'],
    [did({ count: ['==', 1] }), 'did opened exactly once'],
    [did({ count: ['>', 2] }), 'did opened more often than twice'],
    [did({ count: ['<', 3] }), 'did opened less often than 3 times (or never)'],
    [did({ count: ['!=', 3] }), 'did opened any number of times but 3 times (or never)'],
    [
      {
        did: {
          event: 'trial_started',
          count: ['>=', 3],
          within: [14, 'days'],
          where: { '>=': [amount, 10] },
        },
      },
      'did trial_started at least 3 times in the last 14 days where amount is at least 10',
    ],
    [{ did: { event: 'signed in' } }, 'did "signed in"'],
    [
      { or: [did({ where: { '!=': [amount, 1] } }), { exists: { var: 'custom:role' } }] },
      '(did opened where (amount is set and is not 1)) or role is set',
    ],
    [
      did({ where: { or: [{ '==': [amount, 1] }, { '!': { '==': [amount, 2] } }] } }),
      'did opened where (amount is 1 or not (amount is 2) (which includes events with no amount))',
    ],
    [{ '!': did() }, 'not (did opened)'],
  ])('of %j is: %s', (document, words) => {
    expect(sentence(parseFilter(document))).toBe(words);
  });
});

describe('the explanation', () => {
  it('says how often it was, when it was last, what was asked, and when that turns', () => {
    const events = [opened('2026-06-01T08:00:00Z'), opened('2026-06-10T08:00:00Z', { amount: 1 })];
    expect(clauseOf(did({ count: ['>=', 2], within: [7, 'days'] }), events)).toEqual({
      path: '',
      sentence: 'did opened at least twice in the last 7 days',
      negated: false,
      verdict: false,
      reason: 'different',
      seen: { count: 1, last_at: '2026-06-10T08:00:00.000Z' },
      wanted: { count: ['>=', 2], since: { at: '2026-06-08T12:00:00.000Z', written: { ago: [7, 'days'] } } },
      changes_at: null,
    });
  });

  it('of a window that is left names the last event outside of it', () => {
    expect(clauseOf(did({ within: [1, 'days'] }), [opened('2026-06-10T08:00:00Z')])).toMatchObject({
      reason: 'outside_window',
      seen: { count: 0, last_at: '2026-06-10T08:00:00.000Z' },
    });
  });

  it('raises for no record, however wrong', () => {
    for (const events of [
      null,
      5,
      'x',
      {},
      [null, 1, 'x', [], { event: 'opened' }],
      [{ event: 5, occurred_at: 5 }],
    ]) {
      const user = untyped({ events });
      expect(explain(parseFilter(did()), user, moment)).toMatchObject({ matched: false });
      expect(compilePredicate(parseFilter(did({ where: { exists: amount } })), moment)(user)).toBe(false);
    }
    const timeless = untyped({ events: [{ event: 'opened', occurred_at: 'yesterday', properties: 5 }] });
    expect(explain(parseFilter(did()), timeless, moment).clauses[0]).toMatchObject({ reason: 'different' });
  });
});

describe('the horizon', () => {
  it('is the millisecond after an event leaves the window', () => {
    const within = { within: [14, 'days'] };
    expect(turns(did(within), ['2026-06-10T12:00:00Z'], '2026-06-15T00:00:00Z')).toBe(
      '2026-06-24T12:00:00.001Z',
    );
    expect(
      turns(did({ ...within, count: ['==', 0] }), ['2026-06-10T12:00:00Z'], '2026-06-15T00:00:00Z'),
    ).toBe('2026-06-24T12:00:00.001Z');
  });

  it('keeps the wall clock across a change of the clock', () => {
    const at = turns(
      did({ within: [1, 'days'] }),
      ['2026-03-28T11:00:00Z'],
      '2026-03-28T12:00:00Z',
      'Europe/Berlin',
    );
    expect(at).toBe('2026-03-29T10:00:00.001Z');
  });

  it('waits for as many events to leave as the count bears', () => {
    const times = ['2026-06-01T00:00:00Z', '2026-06-02T00:00:00Z', '2026-06-03T00:00:00Z'];
    const asked = did({ count: ['>=', 2], within: [30, 'days'] });
    expect(turns(asked, times, '2026-06-15T00:00:00Z')).toBe('2026-07-02T00:00:00.001Z');
  });

  it('is when an event that lies ahead occurs, with and without a window', () => {
    expect(turns(did(), ['2026-06-15T01:00:00Z'], '2026-06-15T00:00:00Z')).toBe('2026-06-15T01:00:00.000Z');
    expect(turns(did(), ['2026-06-14T01:00:00Z'], '2026-06-15T00:00:00Z')).toBeNull();
  });

  it('follows a relative time inside where', () => {
    const events = [{ ...opened('2026-06-01T00:00:00Z'), properties: { due: '2026-06-20T00:00:00Z' } }];
    const where = { '<': [{ var: 'property:due' }, { ago: [0, 'days'] }] };
    expect(verdictHorizon(leafOf(did({ where })), { events }, moment)).toBe(
      // The day begins at 22:00 UTC in Berlin.
      Date.parse('2026-06-19T22:00:00.001Z'),
    );
  });

  it('is exact: no verdict turns before it, and it turns there', () => {
    const start = Date.parse('2026-10-24T00:00:00Z');
    const hour = 3_600_000;
    let turning = 0;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -60, max: 30 }), { maxLength: 6 }),
        fc.constantFrom('>=', '>', '<', '<=', '==', '!='),
        fc.integer({ min: 0, max: 4 }),
        fc.option(fc.constantFrom([1, 'days'], [24, 'hours'], [2, 'days'], [90, 'minutes'], [1, 'weeks'])),
        fc.constantFrom('Europe/Berlin', 'UTC', 'Australia/Lord_Howe'),
        (offsets, operator, value, within, zone) => {
          const user: UserRecord = {
            events: offsets.map((offset) => opened(new Date(start + (offset * hour) / 2).toISOString())),
          };
          const leaf = leafOf(did({ count: [operator, value], ...(within === null ? {} : { within }) }));
          const verdictAt = (now: number): boolean => compilePredicate(leaf, { now, zone })(user);
          const verdict = verdictAt(start);
          const horizon = verdictHorizon(leaf, user, { now: start, zone });
          if (horizon !== null) turning += 1;
          const exact =
            horizon === null || (verdictAt(horizon) !== verdict && verdictAt(horizon - 1) === verdict);
          const end = horizon ?? start + 9 * 24 * hour;
          let still = true;
          for (let now = start; now < end; now += hour / 2) {
            still &&= verdictAt(now) === verdict && verdictAt(Math.min(now + 1, end - 1)) === verdict;
          }
          return exact && still;
        },
      ),
      { seed: 5, numRuns: 400 },
    );
    expect(turning).toBeGreaterThan(100);
  });
});

describe('the SQL', () => {
  it('names the event among the fields, and the index that finds who did it', () => {
    const { fields, indexes, values } = compileSql(
      parseFilter({ and: [did({ where: { exists: amount } }), did()] }),
      { moment },
    );
    expect(fields).toEqual(['event:opened']);
    expect(indexes.map(({ name, path }) => [name, path])).toEqual([
      ['events_by_name', '/and/0'],
      ['events_by_name', '/and/1'],
    ]);
    expect(values).toContain('opened');
  });

  it('claims no index for those who never did it', () => {
    expect(compileSql(parseFilter(did({ count: ['<', 2] })), { moment }).indexes).toEqual([]);
    expect(compileSql(parseFilter({ '!': did() }), { moment }).indexes).toEqual([]);
  });

  it('holds no text of the filter, hostile names and keys included', () => {
    const event = "x'); DROP TABLE events; --";
    const { text, values } = compileSql(
      parseFilter({ did: { event, where: { '==': [{ var: "property:a'b" }, event] } } }),
      { moment },
    );
    expect(text).not.toContain('DROP');
    expect(values).toContain(event);
  });
});

describe('explaining a stored person', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await testDatabase();
    await db.pool.query(`INSERT INTO workspaces (workspace_id, name) VALUES ('w', 'w'), ('other', 'other')`);
    const now = moment.now;
    await track(db.pool, {
      workspaceId: 'w',
      userId: 'jane',
      event: 'opened',
      properties: { amount: 5 },
      now,
    });
    await track(db.pool, { workspaceId: 'other', userId: 'jane', event: 'closed', now });
  });
  const answer = async (document: unknown) => {
    const filter = parseFilter(document);
    return explainUser(db.pool, { workspaceId: 'w', userId: 'jane', filter, moment });
  };

  it('reads the events that the filter asks about, with their properties where it looks at them', async () => {
    expect(await answer(did({ where: { '>': [amount, 4] } }))).toMatchObject({ matched: true });
    expect(await answer({ and: [did(), did({ where: { '>': [amount, 5] } })] })).toMatchObject({
      matched: false,
      clauses: [{ reason: 'matched' }, { reason: 'different' }],
    });
  });

  it('sees nothing of another workspace', async () => {
    expect((await answer({ did: { event: 'closed' } })).clauses).toMatchObject([{ reason: 'missing' }]);
  });

  it('is refused beyond 10,000 events of a name, where a part of them would give a wrong answer', async () => {
    await db.pool.query(
      `INSERT INTO events (workspace_id, end_user_id, event, occurred_at)
       SELECT 'w', u.id, 'ticked', '2026-06-15T11:00:00Z'::timestamptz FROM end_users u, generate_series(1, 10000)
       WHERE u.workspace_id = 'w'`,
    );
    expect(await answer({ did: { event: 'ticked', count: ['==', 10_000] } })).toMatchObject({
      matched: true,
    });
    await track(db.pool, { workspaceId: 'w', userId: 'jane', event: 'ticked', now: moment.now });
    expect(await codesOf(() => answer({ did: { event: 'ticked' } }))).toEqual(['too_many_events']);
  });
});
