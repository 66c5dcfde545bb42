import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edgeKey, edgesOf } from '../../src/filter/edges.js';
import { nextPassing, passedBetween } from '../../src/filter/edges/passing.js';
import { storedInstants } from '../../src/filter/edges/values.js';
import { courseOf } from '../../src/filter/horizon/verdict.js';
import { parseFilter } from '../../src/filter/parse.js';
import { instantOf } from '../../src/filter/time.js';
import { movingFilter, movingPerson, movingZone } from './moving.js';

const hour = 3_600_000;
const start = Date.parse('2026-10-20T00:00:00Z');

describe('the edges of a filter', () => {
  it.each<[string, unknown, string[]]>([
    ['a fixed time has none', { '<': [{ var: 'last_seen' }, { at: '2026-01-01' }] }, []],
    [
      'a relative time has one',
      { '<': [{ var: 'last_seen' }, { ago: [3, 'days'] }] },
      ['["last_seen","ago",3,"days"]'],
    ],
    [
      'a window has two, and a negation the same',
      { '!': { between: [{ var: 'custom:due' }, { ago: [1, 'weeks'] }, { from_now: [1, 'weeks'] }] } },
      ['["custom:due","ago",1,"weeks"]', '["custom:due","from_now",1,"weeks"]'],
    ],
    [
      'a count of days is reached and left',
      { '==': [{ var: 'days_since_signup' }, 3] },
      ['["days_since_signup","ago",72,"hours"]', '["days_since_signup","ago",96,"hours"]'],
    ],
    [
      'events come and go',
      { did: { event: 'paid', within: [14, 'days'] } },
      ['["event","paid","ago",0,"minutes"]', '["event","paid","ago",14,"days"]'],
    ],
    ['those of a segment are its own', { segment: 'fresh' }, ['["last_seen","ago",3,"days"]']],
  ])('%s', (_, document, expected) => {
    const segments = new Map([['fresh', { '>': [{ var: 'last_seen' }, { ago: [3, 'days'] }] }]]);
    expect(edgesOf(parseFilter(document, { segments })).map(edgeKey)).toEqual(expected);
  });
});

it('nobody turns between two sweeps but whom an edge passed, and the next sweep is never later than the next turn', () => {
  let turned = 0;
  fc.assert(
    fc.property(
      movingFilter,
      movingPerson,
      movingZone,
      fc.integer({ min: 0, max: 200 }),
      fc.oneof(fc.integer({ min: 0, max: 2 * hour }), fc.integer({ min: 0, max: 400 * hour })),
      (document, user, zone, step, delay) => {
        const filter = parseFilter(document);
        const from = start + step * hour;
        const edges = edgesOf(filter);
        const turn = courseOf(filter, user, { now: from, zone }).turns(from);
        if (turn === null) return;
        turned += 1;
        const to = turn + delay;
        const passed = edges.filter((edge) => {
          const { low, high } = passedBetween(edge.time, from, to, zone);
          return storedInstants(edge.source, user, zone).some((instant) => instant >= low && instant <= high);
        });
        expect(passed.length).toBeGreaterThan(0);
        const sweeps = edges.map(({ time, source }) => {
          const bound = instantOf(time, { now: from, zone });
          const ahead = storedInstants(source, user, zone).filter((instant) => instant >= bound);
          return nextPassing(time, ahead.length === 0 ? null : Math.min(...ahead), from, zone) ?? Infinity;
        });
        expect(Math.min(...sweeps)).toBeLessThanOrEqual(turn);
      },
    ),
    { seed: 12, numRuns: 250 },
  );
  expect(turned).toBeGreaterThan(50);
});
