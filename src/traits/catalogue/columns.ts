import { knownTrait, knownTraitNames } from '../known-traits.js';
import type { KnownTraitName } from '../known-traits.js';
import type { TraitEntity, TraitType } from './types.js';

/** A trait that has a column of its own. */
export interface ColumnTrait {
  readonly key: KnownTraitName;
  readonly type: TraitType;
  /** Whether its values are few enough to be listed. */
  readonly listed: boolean;
}

/** The dedicated columns of users or companies. */
export function columnTraits(entity: TraitEntity): ColumnTrait[] {
  return knownTraitNames.flatMap((key) => {
    const known = knownTrait(key, entity);
    if (known === null) return [];
    const type = known.kind === 'choice' ? 'text' : known.kind;
    return [{ key, type, listed: known.kind === 'choice' || known.kind === 'boolean' }];
  });
}

/** The type that a dedicated column gives its trait, or null for a custom trait. */
export function columnType(entity: TraitEntity, key: string): TraitType | null {
  return columnTraits(entity).find((column) => column.key === key)?.type ?? null;
}
