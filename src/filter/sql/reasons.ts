import type { CustomField, Field } from '../fields.js';
import { compileSql } from '../sql.js';
import type { Moment } from '../time.js';
import type { Filter, Leaf, LeafKind, NodeOf } from '../tree.js';
import { companyScope } from './company.js';
import { textOf } from './condition.js';
import { signupOf } from './days.js';
import { Parameters } from './parameters.js';
import { percent } from './percent.js';
import { jsonIn } from './scope.js';
import type { Scope } from './scope.js';
import { codeOf, firstOf, holdsOr } from './reasons/case.js';
import { reasonOfComparison } from './reasons/compare.js';
import { lookAt } from './reasons/custom.js';
import { reasonOfDid } from './reasons/did.js';
import { examplesOf } from './reasons/example.js';
import type { Example } from './reasons/example.js';
import { reasonOfHas } from './reasons/has.js';
import { Looks } from './reasons/looks.js';
import { reasonOfTextMatch } from './reasons/text.js';

export interface ReasonsOptions {
  readonly moment: Moment;
  /** How many parameters the surrounding statement already has. */
  readonly offset: number;
  /** The number of the parameter that it binds its workspace to, 1 for `$1`. */
  readonly workspaceParameter: number;
  /** Whether examples are wanted, which have parameters of their own. Default false. */
  readonly examples?: boolean;
}

export interface CompiledReasons {
  /** A SELECT of one row for each person of the workspace: their `id`, and the values that the reasons are told from. */
  readonly people: string;
  /** For each leaf in document order an expression over such a row: the reason's place in `reasons`. */
  readonly reasons: readonly string[];
  /** For each leaf what picks a value to show of those who fail it; none unless asked for. */
  readonly examples: readonly (readonly Example[])[];
  readonly values: readonly unknown[];
}

/**
 * Compiles why each person fails each leaf, or does not: the explanation of a whole workspace in one pass, equal in
 * meaning to `explain`. No stored value can make it raise.
 */
export function compileReasons(leaves: readonly Leaf[], options: ReasonsOptions): CompiledReasons {
  const { moment, offset } = options;
  const parameters = new Parameters(offset);
  const user: Scope = { entity: 'user', row: 'u', moment, parameters };
  const workspace = `$${options.workspaceParameter}`;
  const looks = new Looks(user, companyScope(user));
  const reasons = leaves.map((leaf) =>
    reasonOf(leaf, { looks, workspace, workspaceParameter: options.workspaceParameter }),
  );
  const examples = options.examples === true ? leaves.map((leaf) => examplesOf(leaf, looks)) : [];
  return { people: looks.text(workspace), reasons, examples, values: parameters.values };
}

/** The values of some fields, for a list of the common ones: a SELECT of `v0`, `v1` ... as jsonb, of so many people. */
export function compileValues(fields: readonly Field[], options: ReasonsOptions & { limit: number }): string {
  const user: Scope = { entity: 'user', row: 'u', moment: options.moment, parameters: new Parameters(0) };
  const looks = new Looks(user, companyScope(user));
  const names = fields.map((field) => looks.at(storedJson(field, looks)));
  const people = looks.text(`$${options.workspaceParameter}`, `ORDER BY u.id LIMIT ${options.limit}`);
  return `SELECT ${names.map((name, index) => `${name} AS f${index}`).join(', ')} FROM (${people}) AS people`;
}

function storedJson(field: Field, looks: Looks): string {
  const { row } = looks.rowOf(field.entity);
  if (field.kind === 'custom') return `NULLIF(${jsonIn(`${row}.custom_fields`, field)}, 'null')`;
  return `to_jsonb(${valueIn(field, looks)})`;
}

interface Context {
  readonly looks: Looks;
  readonly workspace: string;
  readonly workspaceParameter: number;
}

function reasonOf<K extends LeafKind>(leaf: NodeOf<K>, context: Context): string {
  const { kind }: { readonly kind: K } = leaf;
  return reader[kind](leaf, context);
}

const reader: { readonly [K in LeafKind]: (leaf: NodeOf<K>, context: Context) => string } = {
  everyone: () => codeOf('matched'),
  compare: (leaf, { looks }) => reasonOfComparison(leaf, looks),
  in: (leaf, { looks }) => reasonOfComparison(leaf, looks),
  between: (leaf, { looks }) => reasonOfComparison(leaf, looks),
  text: (leaf, { looks }) => reasonOfTextMatch(leaf, looks),
  has: (leaf, { looks }) => reasonOfHas(leaf, looks),
  presence: ({ operator, field }, { looks }) => {
    const isMissing = `${valueOf(field, looks)} IS NULL`;
    return operator === 'missing'
      ? holdsOr(isMissing, 'different')
      : firstOf([[isMissing, codeOf('missing')]], codeOf('matched'));
  },
  percent: (leaf, { looks }) => {
    const { row } = looks.user;
    const slice = looks.at(`(${textOf(percent(leaf, looks.user))})`);
    const id = looks.at(`COALESCE(${row}.user_id, ${row}.anonymous_id)`);
    return firstOf(
      [
        [slice, codeOf('matched')],
        [`${id} IS NULL`, codeOf('missing')],
      ],
      codeOf('different'),
    );
  },
  did: (leaf, { looks, workspace }) => {
    const { where } = leaf;
    const compiled = where === null ? null : (): string => conditionOn(where, looks.user);
    return reasonOfDid(leaf, looks, workspace, compiled);
  },
  // Why somebody is in no segment is told by a report on the segment.
  segment: ({ filter }, { looks, workspaceParameter }) =>
    holdsOr(looks.at(`(${conditionOn(filter, looks.user, workspaceParameter)})`), 'different'),
};

/** The condition of a whole filter, in the middle of this statement. */
function conditionOn(filter: Filter, { moment, parameters }: Scope, workspaceParameter?: number): string {
  const compiled = compileSql(filter, {
    moment,
    offset: parameters.count,
    ...(workspaceParameter === undefined ? {} : { workspaceParameter }),
  });
  parameters.values.push(...compiled.values);
  return compiled.text;
}

function valueOf(field: Field, looks: Looks): string {
  return field.kind === 'custom' ? lookAt(field, looks).text() : looks.at(valueIn(field, looks));
}

function valueIn(field: Exclude<Field, CustomField>, looks: Looks): string {
  const scope = looks.rowOf(field.entity);
  return field.kind === 'derived' ? signupOf(scope) : `${scope.row}.${field.name}`;
}
