import type { Client, Pool } from '../../database/pool.js';
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

/** A memory of definitions that reads each version once, through whichever connection asks first: versions never change. */
export function definitionCache(): DefinitionCache {
  const cache = new Map<string, Promise<SeriesDefinition>>();
  return (db) => (workspace, series, version) => {
    const key = JSON.stringify([workspace, series, version]);
    const found = cache.get(key) ?? read(db, [workspace, series, version]);
    cache.delete(key);
    cache.set(key, found);
    // A read that failed is tried anew by the next.
    found.catch(() => cache.delete(key));
    const [oldest] = cache.keys();
    if (cache.size > kept && oldest !== undefined) cache.delete(oldest);
    return found;
  };
}

async function read(
  db: Client | Pool,
  version: readonly [workspace: string, series: string, version: number],
): Promise<SeriesDefinition> {
  const { rows } = await db.query<{ definition: unknown }>(readVersion, [...version]);
  // Its names were checked when it was saved; whether its channel runs here only the worker knows.
  return parseSeries(rows[0]?.definition, { channels: null });
}

const readVersion = `
  SELECT definition FROM series_versions WHERE workspace_id = $1 AND series_key = $2 AND version = $3`;
