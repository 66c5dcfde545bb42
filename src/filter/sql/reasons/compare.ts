import type { ColumnField, CustomField, DerivedField } from '../../fields.js';
import type { Between, Compare, OneOf } from '../../tree.js';
import { between } from '../between.js';
import { compare } from '../compare.js';
import { textOf } from '../condition.js';
import { signupOf } from '../days.js';
import { oneOf } from '../list.js';
import type { Scope } from '../scope.js';
import { codeOf, firstOf, holdsOr } from './case.js';
import type { Arm } from './case.js';
import { byType, lookAt, ofNumber } from './custom.js';
import { numberHolds, toldOfBoolean, toldOfText, toldOfTime, typesOf } from './literals.js';
import type { Demand } from './literals.js';
import type { Looks } from './looks.js';

export type Comparing = Compare | OneOf | Between;

/** Why a comparison holds or does not, as `explain/literals.ts` tells it of one person. */
export function reasonOfComparison(leaf: Comparing, looks: Looks): string {
  const { field, lower } = leaf.subject;
  const demand = demandOf(leaf);
  if (field.kind === 'custom') return ofCustom(field, demand, lower, looks);
  if (field.kind === 'derived') return ofDerived(leaf, field, demand, looks);
  return ofColumn(field, demand, lower, looks);
}

function demandOf(leaf: Comparing): Demand {
  if (leaf.kind === 'in') return { items: leaf.items };
  return leaf.kind === 'between'
    ? { low: leaf.low, high: leaf.high }
    : { operator: leaf.operator, value: leaf.value };
}

function ofColumn(field: ColumnField, demand: Demand, lower: boolean, looks: Looks): string {
  const scope = looks.rowOf(field.entity);
  const { parameters } = scope;
  const value = looks.at(`${scope.row}.${field.name}`);
  const told = {
    text: () => toldOfText(value, demand, lower, parameters),
    time: () => toldOfTime(value, field, demand, scope),
    boolean: () => toldOfBoolean(value, demand, parameters),
  };
  const answer = typesOf(demand).has(field.type) ? told[field.type]() : codeOf('type_mismatch');
  return firstOf([[`${value} IS NULL`, codeOf('missing')]], answer);
}

/** The condition itself is a range of signups, found while the row is read; nothing else can be told of a count of days. */
function ofDerived(leaf: Comparing, field: DerivedField, demand: Demand, looks: Looks): string {
  const scope = looks.rowOf(field.entity);
  const missing: Arm = [`${looks.at(signupOf(scope))} IS NULL`, codeOf('missing')];
  if (!typesOf(demand).has('number')) return firstOf([missing], codeOf('type_mismatch'));
  const holds = textOf(
    leaf.kind === 'compare'
      ? compare(leaf, scope)
      : leaf.kind === 'in'
        ? oneOf(leaf, scope, false)
        : between(leaf, scope),
  );
  return firstOf([missing], holdsOr(looks.at(`(${holds})`), 'different'));
}

function ofCustom(field: CustomField, demand: Demand, lower: boolean, looks: Looks): string {
  const scope = looks.rowOf(field.entity);
  const { parameters } = scope;
  const look = lookAt(field, looks);
  const types = typesOf(demand);
  const text = types.has('text') ? toldOfText(look.text(), demand, lower, parameters) : null;
  const numberOf = (json: string): string =>
    ofNumber(`${json}::numeric`, numberHolds(`${json}::numeric`, demand, parameters));
  const string = types.has('time') ? toldOfWritten(look.instant(), field, demand, text, scope) : text;
  return byType(look, {
    ...(string === null ? {} : { string }),
    ...(types.has('number') ? { number: numberOf(look.json()) } : {}),
    ...(types.has('boolean')
      ? { boolean: toldOfBoolean(`${look.json()}::boolean`, demand, parameters) }
      : {}),
  });
}

/**
 * Told of a text that is asked to be a time. In a list that asks for texts too, the nearest miss is told: letter case, then
 * another time, then another text.
 */
function toldOfWritten(
  instant: string,
  field: CustomField,
  demand: Demand,
  text: string | null,
  scope: Scope,
): string {
  const time = toldOfTime(instant, field, demand, scope);
  const isNoTime = `${instant} IS NULL`;
  if (text === null) return firstOf([[isNoTime, codeOf('unparsable_time')]], time);
  const matched = codeOf('matched');
  return `CASE WHEN ${isNoTime} THEN ${text} WHEN ${time} = ${matched} THEN ${matched} ELSE CASE ${text}
    WHEN ${matched} THEN ${matched} WHEN ${codeOf('case_mismatch')} THEN ${codeOf('case_mismatch')} ELSE ${codeOf('outside_window')} END END`;
}
