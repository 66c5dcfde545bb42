import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldNamed } from '../../src/filter/fields.js';
import type { Field } from '../../src/filter/fields.js';
import type { UserRecord } from '../../src/filter/record.js';
import {
  columnInstant,
  compareText,
  foldAscii,
  hasNativeOrder,
  ownValue,
  percentOf,
  plainKeyOf,
  readerOf,
  splitList,
  textInstant,
  wholeDays,
} from '../../src/filter/values.js';
import { untyped, withTraits } from './records.js';

const now = Date.parse('2026-03-10T12:00:00Z');
const seed = 20261121;

function field(name: string): Field {
  const found = fieldNamed(name);
  if (found === null) throw new Error(`no field ${name}`);
  return found;
}

const readField = (name: string, user: UserRecord): unknown =>
  readerOf(field(name), { now, zone: 'UTC' })(user);

describe('reading a field', () => {
  it('sees no inherited member, whatever its name', () => {
    const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', 'map', '0'];
    const seen = keys.flatMap((key) => [
      readField(`custom:${key}`, { custom_fields: {} }),
      readField(`custom:/nested/${key}`, { custom_fields: { nested: {} } }),
      readField(`custom:/${key}/name`, { custom_fields: {} }),
    ]);
    expect(seen).toEqual(seen.map(() => undefined));
  });

  it('reads keys that objects usually inherit once somebody stored them', () => {
    const user = withTraits('{"__proto__": "a", "constructor": {"name": "b"}, "toString": 3}');
    expect(readField('custom:__proto__', user)).toBe('a');
    expect(readField('custom:/constructor/name', user)).toBe('b');
    expect(readField('custom:toString', user)).toBe(3);
  });

  it('takes a key whole, dots and slashes included', () => {
    const user = withTraits('{"a.b": 1, "a": {"b": 2}, "x/y": 3}');
    expect(readField('custom:a.b', user)).toBe(1);
    expect(readField('custom:/a/b', user)).toBe(2);
    expect(readField('custom:x/y', user)).toBe(3);
    expect(readField('custom:/x~1y', user)).toBe(3);
  });

  it('indexes a list by plain digits only', () => {
    const user = withTraits('{"list": ["a", "b"], "object": {"01": "c", "-1": "d"}}');
    expect(readField('custom:/list/1', user)).toBe('b');
    const others = ['01', '-1', '-', '2', '1.0', ' 1', 'length', '4294967295', '99999999999999999999'];
    expect(others.filter((token) => readField(`custom:/list/${token}`, user) !== undefined)).toEqual([]);
    expect(readField('custom:/object/01', user)).toBe('c');
    expect(readField('custom:/object/-1', user)).toBe('d');
  });

  it('finds nothing inside text, in a list given as custom fields, or without any', () => {
    expect(readField('custom:/word/length', { custom_fields: { word: 'abc' } })).toBeUndefined();
    for (const broken of [null, undefined, 'text', 7, ['x']]) {
      const user = untyped({ custom_fields: broken });
      expect(readField('custom:length', user)).toBeUndefined();
      expect(readField('custom:0', user)).toBeUndefined();
      expect(readField('custom:/0', user)).toBeUndefined();
    }
  });

  it('reads the company of a user, and nothing where there is none', () => {
    const user: UserRecord = {
      name: 'Ann',
      company: { name: 'Acme', custom_fields: { seats: 5 }, created_at: '2026-03-01' },
    };
    expect(readField('company.name', user)).toBe('Acme');
    expect(readField('company.custom:seats', user)).toBe(5);
    expect(readField('company.days_since_signup', user)).toBe(9);
    for (const company of [null, undefined]) {
      expect(readField('company.name', { name: 'Ann', company })).toBeUndefined();
      expect(readField('company.custom:seats', { custom_fields: { seats: 5 }, company })).toBeUndefined();
      expect(readField('company.days_since_signup', { created_at: '2026-03-01', company })).toBeUndefined();
    }
  });

  it('offers a plain property read only for keys that nothing inherits', () => {
    expect(plainKeyOf(field('custom:role'))).toBe('role');
    expect(plainKeyOf(field('custom:/role'))).toBe('role');
    const inherited = ['custom:__proto__', 'custom:constructor', 'custom:length', 'custom:0', 'custom:map'];
    const elsewhere = ['custom:/a/b', 'company.custom:role', 'email', 'days_since_signup'];
    expect([...inherited, ...elsewhere].filter((name) => plainKeyOf(field(name)) !== null)).toEqual([]);
  });

  it('reads own keys the same way by a plain read and by the careful one', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 5 }),
        fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue()),
        (key, bag) => {
          const plain = fieldNamed(`custom:${key}`);
          if (plain === null || plainKeyOf(plain) !== key) return;
          expect(ownValue(bag, key)).toBe(bag[key]);
        },
      ),
      { seed },
    );
  });
});

describe('days since signup', () => {
  it('counts from created_at only where signed_up_at is missing', () => {
    expect(
      readField('days_since_signup', { signed_up_at: '2026-03-09T12:00:00Z', created_at: '2026-01-01' }),
    ).toBe(1);
    expect(readField('days_since_signup', { signed_up_at: null, created_at: '2026-03-08' })).toBe(2);
    expect(readField('days_since_signup', {})).toBeUndefined();
  });

  it('rounds down on both sides of zero', () => {
    const dayLength = 86_400_000;
    expect(wholeDays(now - dayLength, now)).toBe(1);
    expect(wholeDays(now - dayLength + 1, now)).toBe(0);
    expect(wholeDays(now, now)).toBe(0);
    expect(wholeDays(now + 1, now)).toBe(-1);
    expect(wholeDays(now + dayLength + 1, now)).toBe(-2);
  });

  it('does not fall back when signed_up_at holds something that is no time', () => {
    const user = { signed_up_at: 'soon', created_at: '2026-01-01' };
    expect(readField('days_since_signup', user)).toBeNaN();
  });
});

describe('times', () => {
  it('a number is never a time, an invalid Date neither', () => {
    const values = [
      1_700_000_000,
      '1700000000',
      true,
      null,
      undefined,
      {},
      [],
      new Date(Number.NaN),
      '2025-02-30',
    ];
    expect(values.map(columnInstant)).toEqual(values.map(() => Number.NaN));
    expect(values.map(textInstant)).toEqual(values.map(() => Number.NaN));
  });

  it('a Date is a time in a column and not in a custom field', () => {
    expect(columnInstant(new Date(5))).toBe(5);
    expect(textInstant(new Date(5))).toBeNaN();
    expect(textInstant('1970-01-01T00:00:00.005Z')).toBe(5);
  });
});

/** Code points, one by one. */
function points(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

function byPoints(left: string, right: string): number {
  const [one, other] = [points(left), points(right)];
  const at = one.findIndex((point, index) => point !== other[index]);
  if (at === -1) return Math.sign(one.length - other.length);
  return other[at] === undefined ? 1 : Math.sign((one[at] ?? 0) - other[at]);
}

describe('text order', () => {
  it('is by code point, astral characters above U+FFFF', () => {
    expect(compareText('\u{1F600}', '\uFB00')).toBeGreaterThan(0);
    expect(compareText('\uFB00', '\u{1F600}')).toBeLessThan(0);
    expect(compareText('a', 'ab')).toBeLessThan(0);
    expect(compareText('', '')).toBe(0);
  });

  const unit = fc.constantFrom(
    '',
    'a',
    'Z',
    'é',
    '\uD7FF',
    '\uE000',
    '\uFFFD',
    '\u{10000}',
    '\u{1F600}',
    '\u{10FFFF}',
  );
  const text = fc.array(unit, { maxLength: 5 }).map((units) => units.join(''));

  it('agrees with comparing lists of code points', () => {
    fc.assert(
      fc.property(text, text, (left, right) => {
        expect(Math.sign(compareText(left, right))).toBe(byPoints(left, right));
      }),
      { seed, numRuns: 2_000 },
    );
  });

  it('is the order of JavaScript wherever it is said to be', () => {
    fc.assert(
      fc.property(text, text, (left, right) => {
        if (!hasNativeOrder(left)) return;
        expect(Number(left > right) - Number(left < right) + 0).toBe(byPoints(left, right) + 0);
      }),
      { seed, numRuns: 2_000 },
    );
  });
});

describe('the case fold', () => {
  it('folds A to Z and leaves every other letter alone', () => {
    expect(foldAscii('AZaz09_')).toBe('azaz09_');
    const others = ['É', 'İ', 'ΑΣ', 'ẞ', '\u212A', '\u{10400}'];
    expect(others.map(foldAscii)).toEqual(others);
    expect(foldAscii('İSTANBUL')).toBe('İstanbul');
  });

  it('keeps the length and folds twice as once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (text) => {
        const folded = foldAscii(text);
        expect(folded).toHaveLength(text.length);
        expect(foldAscii(folded)).toBe(folded);
        expect(folded).toBe(
          text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32)),
        );
      }),
      { seed },
    );
  });
});

describe('comma-separated text', () => {
  it('trims spaces and nothing else, and empty text is one empty item', () => {
    expect(splitList(' a , b,c ')).toEqual(['a', 'b', 'c']);
    expect(splitList('')).toEqual(['']);
    expect(splitList('a,,b,')).toEqual(['a', '', 'b', '']);
    expect(splitList('\ta,\u00A0b')).toEqual(['\ta', '\u00A0b']);
    expect(splitList('   ')).toEqual(['']);
  });
});

describe('percent', () => {
  it('is the first eight hex digits of md5(salt:user_id) as a share of 2^32', () => {
    const digits = createHash('md5').update('spring:user-1').digest('hex').slice(0, 8);
    expect(percentOf('spring', { user_id: 'user-1' })).toBe((Number.parseInt(digits, 16) / 2 ** 32) * 100);
  });

  it('takes anonymous_id only where there is no user_id, and an empty user_id is one', () => {
    const visitor = percentOf('s', { user_id: null, anonymous_id: 'v' });
    expect(visitor).toBe(percentOf('s', { user_id: 'v' }));
    expect(percentOf('s', { user_id: '', anonymous_id: 'v' })).not.toBe(visitor);
    expect(percentOf('s', {})).toBeNull();
  });
});
