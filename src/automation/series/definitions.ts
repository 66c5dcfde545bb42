import type { Client, Pool } from '../../database/pool.js';
import { savedSegments } from '../../audience/segments/saved.js';
import { segmentsIn } from '../../filter/named-in.js';
import type { SeriesDefinition } from './model.js';
import { parseSeries } from './parse.js';

/** Reads one version of a series. Errors: those of `parseSeries`, where this Muster refuses what was accepted once. */
export type DefinitionReader = (
  workspace: string,
  series: string,
  version: number,
) => Promise<SeriesDefinition>;

/** Versions kept in memory; the one used longest ago goes first. */
const kept = 1000;

/** What was read, for any number of readers. */
export type DefinitionCache = (db: Client | Pool) => DefinitionReader;

/**
 * A memory of definitions that reads each version once, through whichever connection asks first: versions never change. What the
 * segments in them mean does, so that a version which names one is read anew once any segment of its workspace was saved.
 */
export function definitionCache(): DefinitionCache {
  const cache = new Map<string, Promise<Read>>();
  const remembered = (db: Client | Pool, version: Version): Promise<Read> => {
    const key = JSON.stringify(version);
    const found = cache.get(key) ?? read(db, version);
    cache.delete(key);
    cache.set(key, found);
    // A read that failed is tried anew by the next.
    found.catch(() => cache.delete(key));
    const [oldest] = cache.keys();
    if (cache.size > kept && oldest !== undefined) cache.delete(oldest);
    return found;
  };
  return (db) => async (workspace, series, number) => {
    const version: Version = [workspace, series, number];
    const found = await remembered(db, version);
    if (found.revision === null || (await revisionOf(db, workspace)) === found.revision) {
      return found.definition;
    }
    cache.delete(JSON.stringify(version));
    return (await remembered(db, version)).definition;
  };
}

type Version = readonly [workspace: string, series: string, version: number];

interface Read {
  readonly definition: SeriesDefinition;
  /** Of the workspace's segments when it was read; null where it names none. */
  readonly revision: string | null;
}

async function read(db: Client | Pool, version: Version): Promise<Read> {
  const { rows } = await db.query<{ definition: unknown }>(readVersion, [...version]);
  const written = rows[0]?.definition;
  const [workspace] = version;
  // Before the segments, so that one saved in between is seen by the next look at the latest.
  const revision = segmentsIn(written).length === 0 ? null : await revisionOf(db, workspace);
  const segments = revision === null ? null : await savedSegments(db, workspace, written);
  // Its names were checked when it was saved; whether its channel runs here only the worker knows.
  return { definition: parseSeries(written, { channels: null, savedSegments: segments }), revision };
}

async function revisionOf(db: Client | Pool, workspace: string): Promise<string> {
  const { rows } = await db.query<{ revision: string }>(readRevision, [workspace]);
  return rows[0]?.revision ?? '0';
}

const readRevision = `SELECT revision FROM segment_clocks WHERE workspace_id = $1`;

const readVersion = `
  SELECT definition FROM series_versions WHERE workspace_id = $1 AND series_key = $2 AND version = $3`;
