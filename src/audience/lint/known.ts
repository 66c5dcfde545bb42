import type { Finding } from '../../filter/lint.js';
import { leavesOf } from '../../filter/tree.js';
import type { Filter } from '../../filter/tree.js';
import { visible } from '../../filter/visible.js';
import type { Known } from '../advice/known.js';
import { nearName } from '../advice/near.js';
import { lintTraits } from './traits.js';

/** What a filter asks that nobody sends so, at present: traits, their types and values, and events. */
export function lintKnown(filter: Filter, { traits, events }: Known): Finding[] {
  return [...lintTraits(filter, traits), ...lintEvents(filter, events)];
}

function lintEvents(filter: Filter, events: readonly string[]): Finding[] {
  return leavesOf(filter).flatMap(({ leaf }): Finding[] => {
    if (leaf.kind !== 'did' || events.includes(leaf.event)) return [];
    const meant = nearName(leaf.event, events);
    return [
      {
        code: 'event_never_sent',
        severity: 'warning',
        path: leaf.path,
        message: `nobody ever did \`${visible(leaf.event)}\``,
        hint:
          meant === null
            ? 'send it with track; names are compared letter by letter'
            : `did you mean \`${visible(meant)}\`?`,
      },
    ];
  });
}
