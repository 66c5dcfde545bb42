import type { Pool } from '../../database/pool.js';
import { inWorkspace } from '../../database/workspace.js';
import { refuse } from '../../errors/index.js';
import { shown } from '../../filter/parse/context.js';
import { textFault } from '../json.js';
import { insteadOfReserved } from '../known-traits.js';
import { admitNames } from '../names.js';
import { columnType } from './columns.js';
import { readTraitCatalogue } from './load.js';
import type { CataloguedTrait, DeclarableType, TraitEntity } from './types.js';

export interface DeclareTrait {
  readonly workspaceId: string;
  readonly key: string;
  /** Default `user`. */
  readonly entity?: TraitEntity | undefined;
  /** Null takes the declaration back. */
  readonly type: DeclarableType | null;
}

/**
 * Says what the values of a custom trait should be, also before the first is sent. It decides how cells of CSV files are
 * read. JSON that arrives is neither refused nor changed by it: values of another type are counted and shown as mismatches.
 *
 * @returns the trait as the catalogue now shows it
 *
 * Errors: `trait_bad_text`, `reserved_trait`, `trait_type_fixed` (the key is a dedicated column, which has its type),
 * `too_many_trait_keys`.
 */
export async function declareTrait(pool: Pool, declared: DeclareTrait): Promise<CataloguedTrait> {
  const { workspaceId, key, entity = 'user', type } = declared;
  const fault = textFault(key);
  if (fault !== null) refuse('trait_bad_text', { where: `the name of \`${shown(key)}\``, what: fault });
  const instead = insteadOfReserved(key);
  if (instead !== null) refuse('reserved_trait', { key, instead });
  const fixed = columnType(entity, key);
  if (fixed !== null) refuse('trait_type_fixed', { key, type: fixed }, { path: '/declared_type' });
  await admitNames(pool, workspaceId, [{ kind: entity, name: key, path: '' }]);
  return inWorkspace(pool, workspaceId, async (client) => {
    const { rows } = await client.query<{ key: string }>(
      `INSERT INTO traits AS t (workspace_id, entity, key, declared_type) VALUES ($1, $2, muster_trait_name($3), $4)
       ON CONFLICT (workspace_id, entity, key) DO UPDATE SET declared_type = EXCLUDED.declared_type
       RETURNING key`,
      [workspaceId, entity, key, type],
    );
    const catalogue = await readTraitCatalogue(client, workspaceId);
    const trait = catalogue.find((each) => each.entity === entity && each.key === rows[0]?.key);
    if (trait === undefined) throw new Error('a declared trait is in the catalogue');
    return trait;
  });
}
