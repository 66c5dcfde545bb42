import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileGlob } from '../../src/filter/glob.js';

const matches = (pattern: string, text: string): boolean => compileGlob(pattern)(text);

it('one star stays inside a part of a path, two stars do not, and nothing else is a wildcard', () => {
  expect(matches('/projects/*/settings', '/projects/1/settings')).toBe(true);
  expect(matches('/projects/*/settings', '/projects/1/2/settings')).toBe(false);
  expect(matches('/projects/**/settings', '/projects/1/2/settings')).toBe(true);
  expect(matches('/projects**', '/projects')).toBe(true);
  expect(matches('/projects/*', '/projects/')).toBe(true);
  expect(matches('/projects', '/projects/')).toBe(false);
  expect(matches('/a?c.[d]', '/a?c.[d]')).toBe(true);
  expect(matches('/a?c.[d]', '/abc.d')).toBe(false);
  expect(matches('', '')).toBe(true);
  expect(matches('*', '')).toBe(true);
  expect(matches('', 'a')).toBe(false);
  // Line breaks and halves of a pair are characters like any other.
  expect(matches('a*b', 'a\n\u{1f600}b')).toBe(true);
  expect(matches('/A', '/a')).toBe(false);
});

/** The same as a regular expression, whose engine may go back: a judge for short texts. */
function judge(pattern: string): RegExp {
  const parts = pattern.match(/\*+|[^*]/gs) ?? [];
  const source = parts.map((part) => {
    if (part === '*') return '[^/]*';
    return part.startsWith('*') ? '[^]*' : part.replace(/[\\^$.|?+()[\]{}/]/, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`);
}

it('agrees with a regular expression on every pattern and text', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*'), maxLength: 9 });
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.'), maxLength: 12 });
  fc.assert(
    fc.property(letters, texts, (pattern, text) => {
      expect(matches(pattern, text)).toBe(judge(pattern).test(text));
    }),
    { seed: 20260803, numRuns: 3000 },
  );
});

it('a pattern that sends a backtracking engine round for years is answered', () => {
  expect(matches('**a'.repeat(300) + 'b', 'a'.repeat(4000))).toBe(false);
  expect(matches('*a'.repeat(300), 'a'.repeat(4000))).toBe(true);
});
