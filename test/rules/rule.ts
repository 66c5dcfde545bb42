import { parseRule } from '../../src/audience/rules/parse.js';
import type { Rule } from '../../src/audience/rules/model.js';

/** A document that is in order, with the parts given in the place of its own. */
export function document(parts: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    key: 'test',
    title: 'A rule of a test',
    decides: 'banner',
    outcomes: ['show', 'hide'],
    default: 'hide',
    rule: { if: [{ '==': [{ var: 'custom:role' }, 'owner'] }, 'show'] },
    ...parts,
  };
}

export const ruleOf = (parts: Readonly<Record<string, unknown>>): Rule => parseRule(document(parts));
