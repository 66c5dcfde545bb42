import { keyOf, nameOf } from '../../filter/fields.js';
import type { Finding } from '../../filter/lint.js';
import { fieldOf } from '../../filter/sentence/missing.js';
import { leavesOf } from '../../filter/tree.js';
import type { Did, Filter } from '../../filter/tree.js';
import { visible } from '../../filter/visible.js';
import type { Known } from '../advice/known.js';
import { propertyMeant } from '../advice/meant.js';
import { nearName } from '../advice/near.js';
import { lintTraits } from './traits.js';

/** What a filter asks that nobody sends so, at present: traits, their types and values, events and their properties. */
export function lintKnown(filter: Filter, known: Known): Finding[] {
  const events = leavesOf(filter).flatMap(({ leaf }) =>
    leaf.kind === 'did' ? lintEvent(leaf, known, { event: leaf.path, where: '' }) : [],
  );
  return [...lintTraits(filter, known.traits), ...events];
}

/**
 * The same of an event and what is asked of its properties.
 *
 * @param at the places of the two in the document; paths inside `where` follow its own
 */
export function lintEvent(
  { event, where }: Pick<Did, 'event' | 'where'>,
  { events, properties }: Known,
  at: { readonly event: string; readonly where: string },
): Finding[] {
  if (!events.includes(event)) {
    const message = `nobody ever did \`${visible(event)}\``;
    return [neverSent('event_never_sent', at.event, message, nearName(event, events))];
  }
  const keys = properties.get(event);
  if (where === null || keys === undefined) return [];
  return leavesOf(where).flatMap(({ leaf }): Finding[] => {
    const field = fieldOf(leaf);
    if (field?.kind !== 'custom' || field.entity !== 'event' || keys.includes(field.tokens[0] ?? ''))
      return [];
    const meant = propertyMeant(field, keys);
    const message = `none of the latest \`${visible(event)}\` has the property \`${visible(keyOf(field))}\``;
    return [
      neverSent('property_never_sent', at.where + leaf.path, message, meant === null ? null : nameOf(meant)),
    ];
  });
}

function neverSent(code: Finding['code'], path: string, message: string, meant: string | null): Finding {
  const hint =
    meant === null
      ? 'send it with track; names are compared letter by letter'
      : `did you mean \`${visible(meant)}\`?`;
  return { code, severity: 'warning', path, message, hint };
}
