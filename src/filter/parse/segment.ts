import { MusterError } from '../../errors/index.js';
import { limits } from '../limits.js';
import type { Filter } from '../tree.js';
import { admitItems, newTally, report, shown, single } from './context.js';
import type { Context } from './context.js';
import type { OperandParser } from './operands.js';
import { nearest } from './suggest.js';
import { nameAt } from './text.js';

/** The saved segments that a parse may look into, and where in them it stands. */
export interface Segments {
  /** By key, the filters as they were saved. */
  readonly saved: ReadonlyMap<string, unknown>;
  /** Those read already; a segment that stands in a filter twice is one tree. */
  readonly known: Map<string, Known>;
  /** The segments that are being read, from the outermost in. */
  readonly within: readonly string[];
}

interface Known {
  readonly filter: Filter;
  /** Nodes of it and of all segments inside it, as often as each stands there. */
  readonly nodes: number;
  /** Items of their lists and times, counted alike. */
  readonly items: number;
}

/** `segment`: the key of a saved segment. Its filter is read here and stands in the tree, so that every reader means it alike. */
export const segment: OperandParser = (operands, place, context) => {
  const written = single(operands, place.at);
  const key = nameAt(written.value, written.path, "a segment's key as text", place, context);
  if (key === null) return null;
  const found = filterOf(key, written.path, context);
  return found === null ? null : { kind: 'segment', path: place.path, key, filter: found };
};

function filterOf(key: string, path: string, context: Context): Filter | null {
  const { segments, tally } = context;
  if (segments === null) return report(context, 'no_segments_here', path, { segment: shown(key) });
  const { saved, within } = segments;
  if (within.includes(key)) {
    const circle = [...within.slice(within.indexOf(key)), key].map((each) => `\`${shown(each)}\``);
    return report(context, 'segment_cycle', path, { circle: circle.join(' → ') });
  }
  if (!saved.has(key)) {
    const near = nearest(key, saved.keys());
    const known = saved.size === 0 ? 'none' : listed([...saved.keys()]);
    const hint = near === null ? undefined : `did you mean \`${near}\`?`;
    return report(context, 'unknown_segment', path, { segment: shown(key), known }, hint);
  }
  if (within.length >= limits.segmentDepth)
    return report(context, 'segments_too_deep', path, { limit: limits.segmentDepth });
  const known = segments.known.get(key) ?? readSaved(key, path, context, segments);
  if (known === null) return null;
  tally.inSegments += known.nodes;
  // One report says it; each further segment would repeat it.
  if (tally.inSegments > limits.segmentNodes && tally.inSegments - known.nodes <= limits.segmentNodes)
    report(context, 'segments_too_large', path, { limit: limits.segmentNodes });
  const fits = admitItems(known.items, path, context);
  return fits && tally.inSegments <= limits.segmentNodes ? known.filter : null;
}

/** A saved filter has its limits for itself; what is wrong with it is said once, at the place that asked for it. */
function readSaved(key: string, path: string, context: Context, segments: Segments): Known | null {
  const tally = newTally();
  const inner: Context = {
    ...context,
    tally,
    scope: 'people',
    segments: { ...segments, within: [...segments.within, key] },
  };
  const filter = parsed(segments.saved.get(key), inner);
  const [fault] = tally.problems;
  if (fault !== undefined) {
    context.tally.problems.push({ ...fault, path });
    if (context.tally.problems.length >= limits.problems) throw new MusterError(context.tally.problems);
  }
  if (filter === null || fault !== undefined) return null;
  const found = { filter, nodes: tally.nodes + tally.inSegments, items: tally.items };
  segments.known.set(key, found);
  return found;
}

/** A parse ends early where a limit is met, with what it found so far in the tally. */
function parsed(input: unknown, context: Context): Filter | null {
  try {
    return context.parseNode(input, '', 1, context);
  } catch (error) {
    if (error instanceof MusterError) return null;
    throw error;
  }
}

function listed(keys: readonly string[]): string {
  const first = keys.slice(0, 20).map((key) => `\`${shown(key)}\``);
  return keys.length > first.length ? `${first.join(', ')}, …` : first.join(', ');
}
