import { problem } from '../errors/index.js';
import type { Problem } from '../errors/index.js';
import { collectTraits } from './check.js';
import type { CheckedTraits } from './check.js';
import { collectId } from './ids.js';

/** The company that somebody belongs to from now on, with what is to be known of it. */
export interface CompanyPart {
  readonly id: string;
  readonly traits: CheckedTraits;
}

/**
 * Reads `company_id` and `company_traits` of a call or an item at `path`; null where neither is there. Problems:
 * `bad_user_id` `id_missing_value` `company_traits_alone` and those of `checkTraits`.
 */
export function collectCompanyPart(
  id: unknown,
  traits: unknown,
  problems: Problem[],
  path = '',
): CompanyPart | null {
  const traitsPath = `${path}/company_traits`;
  if (id === undefined || id === null) {
    if (traits !== undefined) problems.push(problem('company_traits_alone', {}, { path: traitsPath }));
    return null;
  }
  const companyId = collectId('company_id', id, problems, path);
  const checked = collectTraits(traits, problems, { path: traitsPath, of: 'company' });
  return companyId === '' ? null : { id: companyId, traits: checked };
}
