import type { SnapshotOptions } from '../../audience/people.js';
import type { Client } from '../../database/pool.js';
import { refuse } from '../../errors/index.js';
import { mostZoneTexts, zonesIn } from '../facts/zone-texts.js';
import type { BroadcastDefinition } from './model.js';
import { goesByPerson, timesOf } from './times.js';
import type { Times } from './times.js';

/** When people are due, by where they are. */
export interface Places {
  /** The custom field that holds zones; null where it matters to nobody in which zone they are. */
  readonly field: string | null;
  /** The zones of the audience, as their fields write them. */
  readonly zones: readonly { readonly zone: string; readonly times: Times }[];
  /** Of those whose zone is unknown: the workspace's. */
  readonly elsewhere: Times;
  /** Whether those for whom the hour is over are left out. */
  readonly skipsLate: boolean;
}

/**
 * Computes when people are due, once for each zone of the audience: by the same code that a series goes by, and not a second
 * time in SQL. Errors: `broadcast_zone_values`, `audience_timeout`.
 */
export async function placesOf(
  client: Client,
  snapshot: SnapshotOptions,
  definition: BroadcastDefinition,
  { zone: workspace, person_zone_field: field }: { zone: string; person_zone_field: string },
): Promise<Places> {
  const { now } = snapshot.moment;
  const times = (person: string): Times => timesOf(definition, { person, workspace }, now);
  const skipsLate = definition.schedule.kind === 'local' && definition.schedule.passed === 'skip';
  const common = { elsewhere: times(workspace), skipsLate };
  if (!goesByPerson(definition)) return { field: null, zones: [], ...common };
  const zones = await zonesIn(client, snapshot, definition.audience, field);
  if (zones === null) return refuse('broadcast_zone_values', { field, limit: mostZoneTexts });
  return { field, zones: zones.map(({ text, zone }) => ({ zone: text, times: times(zone) })), ...common };
}
