import { refuse } from '../errors/index.js';
import type { Field } from './fields.js';
import { nameOf } from './fields.js';
import { between } from './sql/between.js';
import { companyScope, onCompany } from './sql/company.js';
import { compare } from './sql/compare.js';
import type { Condition } from './sql/condition.js';
import { all, any, atom, complement, textOf } from './sql/condition.js';
import { did, eventScope } from './sql/did.js';
import { has } from './sql/has.js';
import type { IndexHint } from './sql/indexes.js';
import { oneOf } from './sql/list.js';
import { Parameters } from './sql/parameters.js';
import { percent } from './sql/percent.js';
import { presence } from './sql/presence.js';
import { quoteIdentifier } from './sql/quote.js';
import type { Scope } from './sql/scope.js';
import { textMatch } from './sql/text.js';
import type { Moment } from './time.js';
import type { Filter, Leaf, Reader } from './tree.js';
import { leavesWithin, read } from './tree.js';

export type { Index, IndexHint } from './sql/indexes.js';
export { baseIndexes } from './sql/indexes.js';

export interface SqlOptions {
  /** The clock and zone that relative times are resolved against. */
  readonly moment: Moment;
  /** How many parameters the surrounding statement already has; the first one here is `$offset+1`. Default 0. */
  readonly offset?: number;
  /** The alias of `end_users` in the surrounding statement. Default `u`. */
  readonly alias?: string;
  /**
   * The number of the parameter that the surrounding statement binds its workspace to, 1 for `$1`. Give it where the statement
   * asks about a whole workspace: `did` then counts everybody's events at once. Left out, it counts person by person,
   * which is better for a few. Both mean the same.
   */
  readonly workspaceParameter?: number;
}

export interface CompiledSql {
  /**
   * A boolean expression over `end_users <alias>`, true exactly for the people who match, false or NULL for the
   * others. It stands safely beside AND, and names no workspace: the statement around it adds `<alias>.workspace_id = $n`.
   */
  readonly text: string;
  /** The bound values, in the order of their placeholders, as node-postgres takes them. */
  readonly values: unknown[];
  /** The `var` of every field that is read, and `event:NAME` of every event, once each, in document order; those of segments too. */
  readonly fields: string[];
  /** The indexes that can find the rows: existing ones by name, and suggestions for fields that have none. */
  readonly indexes: IndexHint[];
}

/**
 * Compiles a filter to SQL for Postgres 15 and later. No stored value can make it raise, and its plan needs no custom plan.
 */
export function compileSql(filter: Filter, options: SqlOptions): CompiledSql {
  const parameters = new Parameters(options.offset ?? 0);
  const row = quoteIdentifier(options.alias ?? 'u');
  const user: Scope = { entity: 'user', row, moment: options.moment, parameters };
  const { workspaceParameter } = options;
  const condition = read(reader, filter, {
    user,
    company: companyScope(user),
    event: eventScope(user),
    workspace: workspaceParameter === undefined ? null : `$${workspaceParameter}`,
    negated: false,
  });
  return {
    text: textOf(condition),
    values: parameters.values,
    fields: fieldsOf(filter),
    indexes: [...(condition.indexes ?? [])],
  };
}

interface Context {
  readonly user: Scope;
  readonly company: Scope;
  readonly event: Scope;
  /** The statement's parameter for its workspace, or null. */
  readonly workspace: string | null;
  /** Whether an odd number of `!` stands above: it is pushed down to the leaves, so that only they are negated. */
  readonly negated: boolean;
}

const reader: Reader<Context, Condition> = {
  and: ({ operands }, context) =>
    (context.negated ? any : all)(operands.map((node) => read(reader, node, context))),
  or: ({ operands }, context) =>
    (context.negated ? all : any)(operands.map((node) => read(reader, node, context))),
  not: ({ operand }, context) => read(reader, operand, { ...context, negated: !context.negated }),
  everyone: (_, { negated }) => atom(negated ? 'false' : 'true'),
  compare: (node, context) => leaf(node, node.subject.field, context, compare),
  in: (node, context) => leaf(node, node.subject.field, context, oneOf),
  between: (node, context) => leaf(node, node.subject.field, context, between),
  text: (node, context) => leaf(node, node.subject.field, context, textMatch),
  has: (node, context) => leaf(node, node.field, context, has),
  presence: (node, context) => {
    refusePage(node.field);
    // Each operator is the complement of the other, on the user and, as "there is none that has it", on the company.
    const missing = (node.operator === 'missing') !== context.negated;
    if (node.field.entity !== 'company') {
      const scope = node.field.entity === 'event' ? context.event : context.user;
      return claim(presence({ ...node, operator: missing ? 'missing' : 'exists' }, scope), node);
    }
    const present = presence({ ...node, operator: 'exists' }, context.company);
    return claim(onCompany(present, context.user, context.company, missing), node);
  },
  percent: (node, { user, negated }) => {
    const condition = percent(node, user);
    return negated ? complement(condition) : condition;
  },
  did: (node, context) => {
    const { user, event, workspace, negated } = context;
    const { where } = node;
    const compileWhere =
      where === null ? null : (): Condition => read(reader, where, { ...context, negated: false });
    return claim(did(node, user, event, compileWhere, workspace, negated), node);
  },
  // The segment's own filter, so that it means here what it means there. Its indexes serve this leaf.
  segment: (node, context) => claim(read(reader, node.filter, context), node),
};

/** A leaf on the user, on the user's company, or in a `where` on an event; negated, it claims no index. */
function leaf<N extends Leaf>(
  node: N,
  field: Field,
  { user, company, event, negated }: Context,
  compile: (node: N, scope: Scope, negated: boolean) => Condition,
): Condition {
  refusePage(field);
  if (field.entity === 'company')
    return claim(onCompany(compile(node, company, negated), user, company, negated), node);
  const condition = compile(node, field.entity === 'event' ? event : user, negated);
  return negated ? complement(condition) : claim(condition, node);
}

/** No table holds pages; the parser refuses them in filters, so that only a rule's condition comes here. */
function refusePage(field: Field): void {
  if (field.entity === 'page') refuse('page_only', { name: nameOf(field) });
}

/** Says which leaf the indexes serve, each index once. */
function claim(condition: Condition, node: Leaf): Condition {
  if (condition.indexes === null) return condition;
  const [only] = condition.indexes;
  if (only !== undefined && condition.indexes.length === 1) {
    return { text: condition.text, joint: condition.joint, indexes: [{ ...only, path: node.path }] };
  }
  const found = new Map(condition.indexes.map((index) => [index.definition, { ...index, path: node.path }]));
  return { ...condition, indexes: [...found.values()] };
}

function fieldsOf(filter: Filter): string[] {
  const names = new Set<string>();
  for (const node of leavesWithin(filter)) {
    if (node.kind === 'percent') names.add('user_id');
    else if (node.kind === 'did') names.add(`event:${node.event}`);
    else if (node.kind !== 'everyone') names.add(nameOf('subject' in node ? node.subject.field : node.field));
  }
  return [...names];
}
