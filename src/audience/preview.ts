import type { Pool } from '../database/pool.js';
import { refuse } from '../errors/index.js';
import { sentenceOf } from '../filter/sentence.js';
import { compileSql } from '../filter/sql.js';
import type { Moment } from '../filter/time.js';
import { leavesOf } from '../filter/tree.js';
import type { Filter, Leaf } from '../filter/tree.js';
import { inSnapshot } from './people.js';
import type { People, SamplePerson } from './people.js';

export interface PreviewOptions {
  readonly workspaceId: string;
  readonly filter: Filter;
  readonly moment: Moment;
  /** People to show, 0 to 1,000; 10 when left out. */
  readonly sample?: number;
  /** Milliseconds that one statement may take; 30,000 when left out. */
  readonly timeoutMs?: number;
}

/** One leaf of the filter, counted alone over the whole workspace, before any `!` above it is applied. */
export interface ClauseCount {
  /** JSON Pointer of the leaf in the filter. */
  readonly path: string;
  readonly sentence: string;
  readonly count: number;
}

export interface Preview {
  readonly count: number;
  /** The counts are counted, not estimated. */
  readonly exact: true;
  /** The leaves in document order. */
  readonly clauses: ClauseCount[];
  /** The first people by `user_id`. */
  readonly sample: SamplePerson[];
  /** Milliseconds that the whole preview took. */
  readonly took_ms: number;
}

export const sampleLimit = 1000;

/**
 * Counts an audience, counts each of its conditions alone, and shows a few of its people, all in one snapshot.
 *
 * Errors: `bad_sample`, `audience_timeout`.
 */
export async function preview(pool: Pool, options: PreviewOptions): Promise<Preview> {
  const { workspaceId, filter, moment, sample = 10, timeoutMs = 30_000 } = options;
  if (!Number.isInteger(sample) || sample < 0 || sample > sampleLimit) {
    refuse('bad_sample', { sample: String(sample) }, { path: '/sample' });
  }
  const started = performance.now();
  const leaves = leavesOf(filter).map(({ leaf }) => leaf);
  const found = await inSnapshot(pool, { workspaceId, moment, timeoutMs }, async (people) => {
    const counts = await countAll(people, [filter, ...leaves], moment);
    const shown = counts[0] === 0 ? [] : await people.sample(filter, sample);
    return { counts, shown };
  });
  const [count = 0, ...clauseCounts] = found.counts;
  return {
    count,
    exact: true,
    clauses: leaves.map((leaf: Leaf, index) => ({
      path: leaf.path,
      sentence: sentenceOf(leaf),
      count: clauseCounts[index] ?? 0,
    })),
    sample: found.shown,
    took_ms: Math.round((performance.now() - started) * 10) / 10,
  };
}

/**
 * Counts each filter: those that an index serves by a statement of their own, all others together in one scan. A
 * filter that reads as the same SQL is counted once.
 */
async function countAll(people: People, filters: readonly Filter[], moment: Moment): Promise<number[]> {
  const keys: string[] = [];
  const distinct = new Map<string, { filter: Filter; indexed: boolean }>();
  for (const filter of filters) {
    const { text, values, indexes } = compileSql(filter, { moment });
    const key = JSON.stringify([text, values]);
    keys.push(key);
    if (!distinct.has(key)) distinct.set(key, { filter, indexed: indexes.some((index) => index.exists) });
  }
  const counts = new Map<string, number>();
  const scanned = [...distinct].filter(([, { indexed }]) => !indexed);
  for (const [key, { filter, indexed }] of distinct) {
    if (indexed) counts.set(key, await people.count(filter));
  }
  const together = await people.countEach(scanned.map(([, { filter }]) => filter));
  scanned.forEach(([key], index) => counts.set(key, together[index] ?? 0));
  return keys.map((key) => counts.get(key) ?? 0);
}
