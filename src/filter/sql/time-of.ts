import type { Field } from '../fields.js';
import { companyAlias } from './company.js';
import { quoteIdentifier } from './quote.js';
import { writtenTime } from './range.js';

/**
 * The instant in a time column or custom field of `end_users <alias>`, or of the person's company, as an expression; NULL
 * where it is missing or holds none. It binds no values.
 */
export function timeOf(field: Exclude<Field, { readonly kind: 'derived' }>, alias = 'u'): string {
  const row = quoteIdentifier(alias);
  if (field.entity !== 'company') return instantIn(row, field);
  const c = companyAlias(row);
  return (
    `(SELECT ${instantIn(c, field)} FROM companies ${c} ` +
    `WHERE ${c}.workspace_id = ${row}.workspace_id AND ${c}.company_id = ${row}.company_id)`
  );
}

function instantIn(row: string, field: Exclude<Field, { readonly kind: 'derived' }>): string {
  return field.kind === 'column' ? `${row}.${field.name}` : writtenTime(row, field);
}
