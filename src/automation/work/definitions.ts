import type { Pool } from '../../database/pool.js';
import { parseSeries } from '../series/definition.js';
import type { SeriesDefinition } from '../series/definition.js';
import type { Claim } from './claim.js';

/** Versions kept in memory; the one used longest ago goes first. */
const kept = 1000;

/** Reads the version that a claim's enrolment entered with. Versions never change, so each is read once. */
export function definitionReader(pool: Pool): (claim: Claim) => Promise<SeriesDefinition> {
  const cache = new Map<string, Promise<SeriesDefinition>>();
  return (claim) => {
    const key = JSON.stringify([claim.workspace, claim.series, claim.version]);
    const found = cache.get(key) ?? read(pool, claim);
    cache.delete(key);
    cache.set(key, found);
    // A read that failed is tried anew by the next claim.
    found.catch(() => cache.delete(key));
    const [oldest] = cache.keys();
    if (cache.size > kept && oldest !== undefined) cache.delete(oldest);
    return found;
  };
}

async function read(pool: Pool, claim: Claim): Promise<SeriesDefinition> {
  const { rows } = await pool.query<{ definition: unknown }>(readVersion, [
    claim.workspace,
    claim.series,
    claim.version,
  ]);
  return parseSeries(rows[0]?.definition);
}

const readVersion = `
  SELECT definition FROM series_versions WHERE workspace_id = $1 AND series_key = $2 AND version = $3`;
