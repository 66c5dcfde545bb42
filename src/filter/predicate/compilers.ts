import { isMissing, percentOf, readerOf } from '../values.js';
import type { Moment } from '../time.js';
import { read } from '../tree.js';
import type { Filter, Reader } from '../tree.js';
import { between } from './between.js';
import { compare } from './compare.js';
import { did } from './did.js';
import { all, any } from './connect.js';
import { has } from './has.js';
import { oneOf } from './one-of.js';
import { cost } from './compiled.js';
import type { Compiled } from './compiled.js';
import { textMatch } from './text-match.js';

/** The predicate's reader of the tree: each kind becomes a closure and a guess of what a call costs. */
export const compilers: Reader<Moment, Compiled> = {
  and: ({ operands }, moment) => joined('and', operands, moment),
  or: ({ operands }, moment) => joined('or', operands, moment),
  not: ({ operand }, moment) => {
    if (operand.kind === 'not') return read(compilers, operand.operand, moment);
    const { test, cost: operandCost } = read(compilers, operand, moment);
    return { test: (user) => !test(user), cost: operandCost };
  },
  everyone: () => always,
  compare,
  in: oneOf,
  between,
  text: textMatch,
  has,
  presence: ({ operator, field }, moment) => {
    const value = readerOf(field, moment);
    return operator === 'exists'
      ? { test: (user) => !isMissing(value(user)), cost: cost.read }
      : { test: (user) => isMissing(value(user)), cost: cost.read };
  },
  percent: ({ salt, low, high }) => ({
    test: (user) => {
      const percent = percentOf(salt, user);
      return percent !== null && low <= percent && percent < high;
    },
    cost: cost.hash,
  }),
  did: (node, moment) =>
    did(node, moment, node.where === null ? always : read(compilers, node.where, moment)),
  segment: ({ filter }, moment) => read(compilers, filter, moment),
};

const always: Compiled = { test: () => true, cost: 0 };

/** An `and` inside an `and` (or an `or` inside an `or`) is one longer list: fewer calls for the same answer. */
function joined(kind: 'and' | 'or', operands: readonly Filter[], moment: Moment): Compiled {
  const parts: Compiled[] = [];
  const collect = (list: readonly Filter[]): void => {
    for (const operand of list) {
      if (operand.kind === kind) collect(operand.operands);
      else parts.push(read(compilers, operand, moment));
    }
  };
  collect(operands);
  // Operands have no effects and never throw, so the cheap ones may go first whatever order they were written in.
  parts.sort((one, other) => one.cost - other.cost);
  const tests = parts.map(({ test }) => test);
  return {
    test: kind === 'and' ? all(tests) : any(tests),
    cost: parts.reduce((sum, part) => sum + part.cost, 0),
  };
}
