import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MusterError } from '../../src/errors/index.js';
import type { Problem } from '../../src/errors/index.js';
import { jsonFault } from '../../src/filter/parse/json.js';
import { operators } from '../../src/filter/parse/operators.js';
import { parseFilter, parseFilterText } from '../../src/filter/parse.js';
import { equalFilters, printFilter } from '../../src/filter/print.js';
import { sentence } from '../../src/filter/sentence.js';

const role = { var: 'custom:role' };
const inherited = [
  ...Object.getOwnPropertyNames(Object.prototype),
  'prototype',
  'length',
  'map',
  'toJSON',
  'then',
];

describe('names that JavaScript inherits', () => {
  it.each(inherited)('%s is an unknown operator, an unknown column and a plain trait', (word) => {
    const json = JSON.stringify(word);
    expect(codes(() => parseFilterText(`{${json}: [{"var": "custom:role"}, 1]}`))).toEqual([
      'unknown_operator',
    ]);
    expect(codes(() => parseFilterText(`{"exists": {"var": ${json}}}`))).toEqual(['unknown_field']);
    expect(codes(() => parseFilterText(`{"exists": {"var": "company.${word}"}}`))).toEqual(['unknown_field']);
    expect(codes(() => parseFilterText(`{"==": [{"var": "custom:role"}, {${json}: [1, "days"]}]}`))).toEqual([
      'literal_expected',
    ]);
    expect(codes(() => parseFilterText(`{">": [{"var": "last_seen"}, {"ago": [1, ${json}]}]}`))).toEqual([
      'bad_relative_time',
    ]);
    expect(codes(() => parseFilterText(`{"did": {"event": "x", "count": [${json}, 1]}}`))).toEqual([
      'bad_count',
    ]);
    const beside = codes(() => parseFilterText(`{"exists": {"var": "custom:role"}, ${json}: 1}`));
    expect(beside).toEqual(['unknown_key']);
    const tree = parseFilterText(`{"==": [{"var": "custom:${word}"}, ${json}]}`);
    expect(printFilter(tree)).toEqual({ '==': [{ var: `custom:${word}` }, word] });
  });

  it('are not read where an object merely inherits them', () => {
    const empty: unknown = Object.create({ everyone: true });
    expect(codes(() => parseFilter(empty))).toEqual(['empty_filter']);
    const variable: unknown = Object.create({ var: 'name' });
    expect(codes(() => parseFilter({ exists: variable }))).toEqual(['var_expected']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(codes(() => parseFilterText('{"__proto__": {"polluted": 1, "everyone": true}}'))).toEqual([
      'unknown_operator',
    ]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('limits', () => {
  it('stand at 32 levels, 500 nodes, 10,000 items and 1,024 bytes, all still accepted', () => {
    expect(codes(() => parseFilter(nested(32)))).toEqual([]);
    expect(codes(() => parseFilter({ or: Array.from({ length: 499 }, () => ({ exists: role })) }))).toEqual(
      [],
    );
    expect(
      codes(() => parseFilter({ in: [role, Array.from({ length: 10_000 }, (_, item) => item)] })),
    ).toEqual([]);
    expect(codes(() => parseFilter({ '==': [role, '€'.repeat(341) + 'x'] }))).toEqual([]);
    expect(codes(() => parseFilter({ exists: { var: 'custom:' + 'x'.repeat(1017) } }))).toEqual([]);
  });

  it('count bytes, not characters', () => {
    expect(codes(() => parseFilter({ '==': [role, '€'.repeat(342)] }))).toEqual(['text_too_long']);
    expect(codes(() => parseFilter({ '==': [role, '😀'.repeat(257)] }))).toEqual(['text_too_long']);
    expect(codes(() => parseFilter({ exists: { var: 'custom:' + 'x'.repeat(1018) } }))).toEqual([
      'text_too_long',
    ]);
    expect(codes(() => parseFilter({ percent: ['x'.repeat(1025), 0, 1] }))).toEqual(['text_too_long']);
  });

  it('count the where of did as part of the filter', () => {
    expect(codes(() => parseFilter({ did: { event: 'x', where: nested(32) } }))).toContain('too_deep');
  });

  it.each(['a\u0000', '\u0000', '\ud800', 'a\udc00b', '\udc00\ud800'])(
    'the text %j is refused wherever text stands',
    (text) => {
      const places = [
        { '==': [role, text] },
        { in: [role, [text]] },
        { contains: [role, text] },
        { has: [role, text] },
        { between: [role, text, 'z'] },
        { exists: { var: `custom:${text}` } },
        { exists: { var: text } },
        { percent: [text, 0, 1] },
        { did: { event: text } },
        { segment: text },
      ];
      for (const place of places) expect(codes(() => parseFilter(place))).toEqual(['bad_text']);
    },
  );

  it.each(['1e400', '-1e400', '9007199254740992', '-9007199254740992', '1e300'])(
    'the number %s is refused',
    (number) => {
      expect(codes(() => parseFilterText(`{"==": [{"var": "custom:n"}, ${number}]}`))).toEqual([
        'bad_number',
      ]);
    },
  );

  it.each(['{"!":', '{"!":[', '{"and":[', '[', '{"==":[', '{"a":', '{"exists":{"var":[', '{"in":[5,['])(
    'hold for %s 100,000 times over, without overflowing the stack',
    (open) => {
      const brackets = open.replace(/[^[{]/g, '');
      const close = Array.from(brackets, (bracket) => (bracket === '[' ? ']' : '}')).toReversed();
      const whole = open.repeat(100_000) + '1' + close.join('').repeat(100_000);
      const found = codes(() => parseFilterText(whole));
      expect(found.length).toBeGreaterThan(0);
      expect(found).not.toContain('filter_not_json');
      expect(codes(() => parseFilterText(whole.slice(0, -1)))).toEqual(['filter_not_json']);
    },
  );

  it('hold for a document that contains itself', () => {
    const loop: Record<string, unknown> = {};
    loop['!'] = loop;
    expect(codes(() => parseFilter(loop))).toEqual(['too_deep']);
    const list: unknown[] = [role];
    list.push(list);
    expect(codes(() => parseFilter({ in: list }))).toEqual(['literal_expected', 'literal_expected']);
    const wide: unknown[] = [];
    const both = { and: wide };
    wide.push(both, both);
    expect(codes(() => parseFilter(both))).toContain('too_many_nodes');
  });

  it('keep a report small, whatever the document', () => {
    const long = 'x'.repeat(1_000_000);
    const keys = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`key${index}`, index]));
    const inputs = [
      { [long]: 1 },
      { exists: role, ...keys },
      keys,
      { '==': [{ var: long }, long] },
      { '==': [{ var: 'custom:n' }, { [long]: 1 }] },
      { '==': [long, role] },
      { '==': [{ lower: long }, { ago: [long, long] }] },
      { '>': [{ var: 'last_seen' }, { at: 'x'.repeat(1000) }] },
      long,
      Array.from({ length: 1_000_000 }, () => 1),
      { and: Array.from({ length: 1_000_000 }, () => 1) },
      { in: [role, Array.from({ length: 1_000_000 }, () => 1)] },
    ];
    for (const input of inputs) {
      const found = problemsOf(() => parseFilter(input));
      expect(found.length).toBeGreaterThan(0);
      expect(found.length).toBeLessThanOrEqual(100);
      for (const { message, hint } of found) expect(message.length + hint.length).toBeLessThan(1000);
    }
  });

  it('keep characters that steer a terminal out of messages', () => {
    const [problem] = problemsOf(() => parseFilter({ '\u001b[31m\u202e\n': 1 }));
    expect(problem?.message).toBe('unknown operator `\\u001b[31m\\u202e\\u000a`');
  });
});

describe('whatever comes in', () => {
  const words = [
    ...operators.keys(),
    ...inherited,
    'var',
    'lower',
    'ago',
    'at',
    'start_of',
    'from_now',
    'event',
    'where',
  ];
  const fields = [
    'name',
    'signed_up_at',
    'on_contract',
    'days_since_signup',
    'custom:role',
    'company.name',
    'role',
    'custom:/a',
  ];
  const scalar = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      -0,
      0,
      1,
      Infinity,
      2 ** 53,
      '2026-01-01',
      'days',
      'day',
      '',
      'a\u0000',
      '\ud800',
    ),
    fc.constantFrom(...fields),
    fc.double(),
    fc.string({ unit: 'binary' }),
  );
  const { value: anything } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      scalar,
      fc.constantFrom<unknown>(role, { var: 'signed_up_at' }, { ago: [1, 'days'] }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .array(fc.tuple(fc.oneof(fc.constantFrom(...words), fc.string()), tie('value')), { maxLength: 2 })
        .map(ownMembers),
    ),
  }));
  const examples: unknown[] = [...operators.values()].map(({ example }): unknown => JSON.parse(example));
  // A valid filter with one part of it, or one more member, replaced.
  const mutated = fc
    .tuple(fc.constantFrom(...examples), fc.constantFrom(...examples), fc.nat(), anything, fc.boolean())
    .map(([first, second, place, part, wrap]) =>
      replaced(wrap ? { and: [first, { '!': second }] } : first, place, part),
    );

  it.each<[string, fc.Arbitrary<unknown>, number]>([
    ['arbitrary JSON', anything, 0],
    ['a mutated filter', mutated, 100],
  ])('%s is parsed or refused with problems that point into it', (_, inputs, leastAccepted) => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(inputs, (input) => {
        const found = problemsOf(() => parseFilter(input));
        for (const { path, message, hint } of found) {
          expect({ path, resolves: resolves(input, path) }).toEqual({ path, resolves: true });
          expect(message + hint).not.toMatch(/undefined|\[object/);
        }
        if (found.length > 0) {
          refused += 1;
          return;
        }
        accepted += 1;
        const tree = parseFilter(input);
        expect(equalFilters(parseFilter(printFilter(tree)), tree)).toBe(true);
        expect(sentence(tree)).not.toMatch(/undefined|\[object|NaN/);
      }),
      { seed: 2026, numRuns: 3000 },
    );
    expect(refused).toBeGreaterThan(500);
    expect(accepted).toBeGreaterThanOrEqual(leastAccepted);
  });

  it('text is JSON for Muster exactly when it is for JavaScript, equal keys aside', () => {
    const json = fc.json({ maxDepth: 4 });
    const broken = fc
      .tuple(
        json,
        fc.nat(),
        fc.constantFrom('', ',', '"', '}', ']', '[', '{', ':', '\\', '0', '-', 'e', '\n', '\u0000', '\u00a0'),
      )
      .map(([text, place, piece]) => {
        const at = place % (text.length + 1);
        return text.slice(0, at) + piece + text.slice(at + (place % 2));
      });
    fc.assert(
      fc.property(broken, (text) => {
        const fault = jsonFault(text);
        if (fault?.code === 'duplicate_key') return;
        expect({ text, json: fault === null }).toEqual({ text, json: isJson(text) });
      }),
      { seed: 2026, numRuns: 3000 },
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function ownMembers(members: [string, unknown][]): unknown {
  const object = {};
  for (const [key, value] of members) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/** The value with its part number `place`, counted in depth-first order, replaced. */
function replaced(value: unknown, place: number, part: unknown): unknown {
  const total = countOf(value);
  let left = place % total;
  const walk = (node: unknown): unknown => {
    if (left === 0) {
      left -= 1;
      return part;
    }
    left -= 1;
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, member]) => [key, walk(member)]));
  };
  return walk(value);
}

function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + countOf(member), 1);
}

/** Whether a JSON Pointer (RFC 6901) names a place in the document. */
function resolves(document: unknown, path: string): boolean {
  if (path !== '' && !path.startsWith('/')) return false;
  let node = document;
  for (const token of path.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof node !== 'object' || node === null) return false;
    const member = Object.getOwnPropertyDescriptor(node, key);
    if (member === undefined) return false;
    node = member.value;
  }
  return true;
}

function nested(levels: number): unknown {
  let filter: unknown = { exists: role };
  for (let level = 1; level < levels; level += 1) filter = { '!': filter };
  return filter;
}

function codes(run: () => unknown): string[] {
  return problemsOf(run).map(({ code }) => code);
}

function problemsOf(run: () => unknown): readonly Problem[] {
  try {
    run();
  } catch (error) {
    if (error instanceof MusterError) return error.problems;
    throw error;
  }
  return [];
}
