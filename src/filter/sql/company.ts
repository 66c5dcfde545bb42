import type { Condition } from './condition.js';
import { atom, textOf } from './condition.js';
import { columnIndex } from './indexes.js';
import type { Scope } from './scope.js';

/** The scope of a user's company. */
export function companyScope(user: Scope): Scope {
  return { ...user, entity: 'company', row: companyAlias(user.row) };
}

/** The alias of a company beside its user's, which is all that it can clash with. */
export function companyAlias(user: string): string {
  return user === 'c' ? 'company' : 'c';
}

/** A condition on the user's company. Never NULL; without a company nothing exists. */
export function onCompany(condition: Condition, user: Scope, company: Scope, negated: boolean): Condition {
  const c = company.row;
  const u = user.row;
  const text =
    `${negated ? 'NOT ' : ''}EXISTS (SELECT 1 FROM companies ${c} WHERE ${c}.workspace_id = ${u}.workspace_id ` +
    `AND ${c}.company_id = ${u}.company_id AND ${textOf(condition)})`;
  const indexes =
    negated || condition.indexes === null
      ? null
      : [...condition.indexes, ...columnIndex('user', 'company_id')];
  return atom(text, indexes);
}
