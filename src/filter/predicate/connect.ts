import type { Predicate } from './compiled.js';

/**
 * True where every operand is. Short lists get a function of their own: each call site then sees one target where a
 * single filter runs, which lets the engine inline the operands; a loop's one site sees them all.
 */
export function all(tests: readonly Predicate[]): Predicate {
  const [a, b, c, d, e, f] = tests;
  if (a === undefined) return () => true;
  if (b === undefined) return a;
  if (c === undefined) return (user) => a(user) && b(user);
  if (d === undefined) return (user) => a(user) && b(user) && c(user);
  if (e === undefined) return (user) => a(user) && b(user) && c(user) && d(user);
  if (f === undefined) return (user) => a(user) && b(user) && c(user) && d(user) && e(user);
  if (tests.length === 6) return (user) => a(user) && b(user) && c(user) && d(user) && e(user) && f(user);
  return (user) => {
    for (const test of tests) if (!test(user)) return false;
    return true;
  };
}

/** True where at least one operand is. */
export function any(tests: readonly Predicate[]): Predicate {
  const [a, b, c, d, e, f] = tests;
  if (a === undefined) return () => false;
  if (b === undefined) return a;
  if (c === undefined) return (user) => a(user) || b(user);
  if (d === undefined) return (user) => a(user) || b(user) || c(user);
  if (e === undefined) return (user) => a(user) || b(user) || c(user) || d(user);
  if (f === undefined) return (user) => a(user) || b(user) || c(user) || d(user) || e(user);
  if (tests.length === 6) return (user) => a(user) || b(user) || c(user) || d(user) || e(user) || f(user);
  return (user) => {
    for (const test of tests) if (test(user)) return true;
    return false;
  };
}
