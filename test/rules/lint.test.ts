import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { lintRule } from '../../src/audience/lint/rule.js';
import { compileRule } from '../../src/audience/rules/evaluate.js';
import { exampleRules } from '../../src/audience/rules/examples.js';
import { parseRule } from '../../src/audience/rules/parse.js';
import { momentOf } from '../../src/filter/time.js';
import { filterArbitrary, momentArbitrary, recordsOf, savedSegments } from '../meaning/generator.js';
import { completeRecords } from '../meaning/support.js';
import { document, ruleOf } from './rule.js';

const moment = momentOf('2026-03-01T12:00:00Z', 'Europe/Berlin');
const role = { var: 'custom:role' };
const seats = { var: 'custom:seats' };
const owner = { '==': [role, 'owner'] };
const path = { var: 'page:path' };

const lint = (rule: unknown): string[] =>
  lintRule(ruleOf({ rule }), moment).map(({ code, path: place }) => `${code} ${place}`);

it('a value is told that nobody comes to, because of the conditions before it or around it', () => {
  expect(lint({ if: [{ everyone: true }, 'show', owner, 'show', 'hide'] })).toEqual([
    'unreachable_branch /rule/if/3',
    'unreachable_branch /rule/if/4',
  ]);
  expect(lint({ if: [{ '>=': [seats, 5] }, 'hide', { '>=': [seats, 10] }, 'show'] })).toEqual([
    'unreachable_branch /rule/if/3',
  ]);
  expect(lint({ if: [owner, { if: [{ in: [role, ['member', 'viewer']] }, 'show'] }] })).toEqual([
    'unreachable_branch /rule/if/1/if/1',
  ]);
  expect(lint({ if: [owner, 'show', { exists: role }, 'hide', { missing: role }, 'show', 'hide'] })).toEqual([
    'unreachable_branch /rule/if/6',
  ]);
});

it('what cannot hold by itself is told of the condition, and what was asked already of the second time', () => {
  expect(lint({ if: [{ and: [owner, { '==': [role, 'member'] }] }, 'show', 'hide'] })).toEqual([
    'contradiction /rule/if/0',
  ]);
  expect(lint({ if: [{ or: [owner, owner] }, 'show'] })).toEqual(['duplicate_clause /rule/if/0/or/1']);
  const pattern = { matches: [path, '/projects/*'] };
  expect(lint({ if: [pattern, 'show', pattern, 'hide'] })).toEqual(['duplicate_clause /rule/if/2']);
  expect(lint({ if: [pattern, { if: [{ '!': pattern }, 'show', 'hide'] }] })).toEqual([
    'duplicate_clause /rule/if/1/if/0',
  ]);
  expect(lint({ if: [pattern, { if: [pattern, 'show', 'hide'] }] })).toEqual([
    'duplicate_clause /rule/if/1/if/0',
    'unreachable_branch /rule/if/1/if/2',
  ]);
});

it('people without the value, other patterns and an empty pattern are thought of, and nothing is told', () => {
  for (const rule of [
    { if: [{ '>=': [seats, 5] }, 'show', { '<': [seats, 5] }, 'hide', 'show'] },
    { if: [owner, 'show', { '!=': [role, 'owner'] }, 'hide', 'show'] },
    { if: [{ matches: [path, '/a/*'] }, 'show', { matches: [path, '/a/b'] }, 'hide'] },
    { if: [{ matches: [path, ''] }, 'show', { exists: path }, 'hide'] },
    'hide',
  ])
    expect(lint(rule)).toEqual([]);
});

it('the items of a checklist and what nobody sends are looked at', () => {
  const checklist = ruleOf({
    decides: 'checklist',
    rule: 'show',
    items: [{ key: 'invite', title: 'Invite', done: { and: [{ '>': [seats, 5] }, { '<': [seats, 3] }] } }],
  });
  expect(
    lintRule(checklist, moment, { traits: [], events: [], properties: new Map() }).map(
      ({ code, path: place }) => `${code} ${place}`,
    ),
  ).toEqual([
    'contradiction /items/0/done',
    'trait_never_sent /items/0/done/and/0',
    'trait_never_sent /items/0/done/and/1',
  ]);
});

it('nothing is found in the rules that ship', () => {
  const found = exampleRules().map((rule) => [rule.key, lintRule(rule, moment)]);
  expect(found.length).toBeGreaterThan(5);
  expect(found).toEqual(found.map(([key]) => [key, []]));
});

it('whatever the conditions and whoever is asked, no rule comes to a value that was called out of reach', () => {
  const people = completeRecords(recordsOf(20_263, 60));
  let told = 0;
  const check = fc.property(
    fc.array(filterArbitrary, { minLength: 1, maxLength: 3 }),
    fc.array(fc.nat(7), { minLength: 40, maxLength: 40 }),
    momentArbitrary,
    (filters, picks, { now, zone }) => {
      let next = 0;
      const pick = (): number => picks[next++ % picks.length] ?? 0;
      const condition = (): unknown => {
        const filter = filters[pick() % filters.length];
        return [filter, { '!': filter }, { and: [filter, filters[0]] }, { or: [filter, filters[0]] }][
          pick() % 4
        ];
      };
      const value = (depth: number): unknown =>
        depth < 2 && pick() < 4
          ? { if: [condition(), value(depth + 1), condition(), value(depth + 1), 'hide'] }
          : 'show';
      const rule = parseRule(
        document({
          rule: { if: [condition(), value(0), condition(), value(0), condition(), 'show', 'hide'] },
        }),
        { segments: savedSegments },
      );
      const at = momentOf(now, zone);
      const unreached = lintRule(rule, at).filter(({ code }) => code === 'unreachable_branch');
      told += unreached.length;
      const answer = compileRule(rule, at);
      for (const person of people) {
        const { path: taken } = answer(person);
        expect(
          unreached.filter(({ path: place }) => taken === place || taken.startsWith(`${place}/`)),
        ).toEqual([]);
      }
    },
  );
  fc.assert(check, { seed: 20_263, numRuns: 80 });
  expect(told).toBeGreaterThan(20);
});
