import { problem } from '../../errors/index.js';
import type { Problem } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { textFault } from '../json.js';
import { insteadOfReserved, knownTrait } from '../known-traits.js';
import type { KnownTrait } from '../known-traits.js';
import { positionOf } from './row.js';

/** Where the cells of a column go. */
export type Target =
  | { readonly kind: 'id' }
  | { readonly kind: 'company_id' }
  | {
      readonly kind: 'column';
      readonly of: Owner;
      readonly name: string;
      readonly trait: KnownTrait;
      readonly position: number;
    }
  | { readonly kind: 'custom'; readonly of: Owner; readonly name: string }
  /** `out`: what a cell that says yes means. */
  | { readonly kind: 'opt_out'; readonly list: OptOutField; readonly out: boolean };

export type Owner = 'user' | 'company';

/** The person's own wish, or the workspace's decision. */
export type OptOutField = 'unsubscribed' | 'suppressed';

const optOuts: ReadonlyMap<string, Target> = new Map<string, Target>([
  ['unsubscribed', { kind: 'opt_out', list: 'unsubscribed', out: true }],
  ['subscribed', { kind: 'opt_out', list: 'unsubscribed', out: false }],
  ['suppressed', { kind: 'opt_out', list: 'suppressed', out: true }],
]);

const nearFields: readonly string[] = [
  'user_id',
  'name',
  'email',
  'signed_up_at',
  'renewal_status',
  'renewal_date',
  'contract_term',
  'payment_terms',
  'on_contract',
  'company_id',
  'unsubscribed',
];

/** A name without what people write differently. */
export function folded(name: string): string {
  return name.toLowerCase().replace(/[\s_-]+/g, '');
}

const byFolded: ReadonlyMap<string, string> = new Map(nearFields.map((field) => [folded(field), field]));

/** The field that a header means though letter case, blanks, hyphens or underscores differ. */
export function nearField(name: string): string | undefined {
  return byFolded.get(folded(name));
}

/**
 * What a field of `--map`, or a header by itself, means: `user_id`, `company_id`, a known trait, `custom:KEY`,
 * `company.FIELD`, `unsubscribed`, `subscribed`, `suppressed`; every other name is a custom trait. A header alone means
 * the last two only where it is mapped.
 */
export function targetOf(field: string, mapped: boolean): Target | Problem {
  if (field === 'user_id') return { kind: 'id' };
  if (field === 'company_id') return { kind: 'company_id' };
  const optOut = optOuts.get(field);
  if (optOut !== undefined && (mapped || field === 'unsubscribed')) return optOut;
  const of: Owner = field.startsWith('company.') ? 'company' : 'user';
  const bare = of === 'company' ? field.slice('company.'.length) : field;
  const custom = bare.startsWith('custom:');
  const name = custom ? bare.slice('custom:'.length) : bare;
  const instead = insteadOfReserved(name);
  if (instead !== null) return problem('reserved_trait', { key: name, instead });
  const fault = name === '' ? 'nothing' : textFault(name);
  if (fault !== null)
    return problem('trait_bad_text', { where: `the field \`${shown(field)}\``, what: fault });
  const trait = knownTrait(name, of);
  if (trait !== null && !custom) return { kind: 'column', of, name, trait, position: positionOf(name) };
  if (custom && (trait !== null || name.startsWith('/'))) {
    return problem('import_bad_field', { field: shown(field), instead: trait === null ? 'KEY' : name });
  }
  return { kind: 'custom', of, name };
}
