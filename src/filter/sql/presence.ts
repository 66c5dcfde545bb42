import type { Presence } from '../tree.js';
import type { Condition } from './condition.js';
import { atom } from './condition.js';
import { signupOf } from './days.js';
import { columnIndex } from './indexes.js';
import type { Scope } from './scope.js';
import { jsonOf } from './scope.js';

/** Absent key, JSON null and SQL NULL are all missing. Each operator is the other's complement, and neither is ever NULL. */
export function presence(node: Presence, scope: Scope): Condition {
  const { field } = node;
  const missing = node.operator === 'missing';
  if (field.kind === 'custom') {
    const present = `${jsonOf(scope.row, field)} <> 'null'`;
    return atom(missing ? `(${present}) IS NOT TRUE` : present);
  }
  if (field.kind === 'derived') return atom(`${signupOf(scope)} ${missing ? 'IS NULL' : 'IS NOT NULL'}`);
  const column = `${scope.row}.${field.name}`;
  return missing
    ? atom(`${column} IS NULL`, columnIndex(scope.entity, field.name))
    : atom(`${column} IS NOT NULL`);
}
