import type { Client } from '../../database/pool.js';
import { segmentsIn } from '../../filter/named-in.js';
import { rulesNaming } from '../rules/naming.js';

/** What would mean something else, or nothing, without a segment. */
export interface SegmentUser {
  readonly kind: 'segment' | 'series' | 'broadcast' | 'rule';
  readonly key: string;
}

/**
 * The segments and decision rules that name this one, and the series that do: in a trigger or a filter of the current version,
 * or of an older one that people are still inside; and the broadcasts that may still be launched. What is archived uses nothing
 * any more.
 */
export async function usersOf(client: Client, workspaceId: string, key: string): Promise<SegmentUser[]> {
  const { rows: segments } = await client.query<{ key: string }>(readSegments, [workspaceId, key]);
  const documents = await documentsNaming(client, workspaceId, [key]);
  const keysOf = (kind: SegmentDocument['kind']): SegmentUser[] =>
    [...new Set(documents.filter((each) => each.kind === kind).map((each) => each.key))].map((each) => {
      return { kind, key: each };
    });
  const rules = await rulesNaming(client, workspaceId, [key]);
  return [
    ...segments.map((each) => ({ kind: 'segment' as const, key: each.key })),
    ...rules.map((each) => ({ kind: 'rule' as const, key: each.key })),
    ...keysOf('series'),
    ...keysOf('broadcast'),
  ];
}

/** A version of a series, or a broadcast. */
export interface SegmentDocument {
  readonly kind: 'series' | 'broadcast';
  readonly key: string;
  readonly definition: unknown;
}

/** The documents, as of `usersOf`, that name one of these segments. */
export async function documentsNaming(
  client: Client,
  workspaceId: string,
  segments: readonly string[],
): Promise<SegmentDocument[]> {
  // Documents that hold a key as a text anywhere; which of them name the segment is read off each.
  const values = [workspaceId, segments.map((key) => JSON.stringify(key))];
  const { rows: series } = await client.query<Omit<SegmentDocument, 'kind'>>(readSeries, values);
  const { rows: broadcasts } = await client.query<Omit<SegmentDocument, 'kind'>>(readBroadcasts, values);
  return [
    ...series.map((each) => ({ kind: 'series' as const, ...each })),
    ...broadcasts.map((each) => ({ kind: 'broadcast' as const, ...each })),
  ].filter(({ definition }) => segmentsIn(definition).some((key) => segments.includes(key)));
}

/** The series that begin where people enter or leave the segment. */
export async function startedBy(client: Client, workspaceId: string, key: string): Promise<string[]> {
  const { rows } = await client.query<{ key: string }>(readStarted, [workspaceId, key]);
  return rows.map((row) => row.key);
}

const readStarted = `
  SELECT s.key FROM series s
  WHERE s.workspace_id = $1 AND s.trigger_type IN ('segment_entered', 'segment_left') AND s.trigger_name = $2
    AND s.state <> 'archived'
  ORDER BY s.key`;

const readSegments = `
  SELECT s.key FROM segments s WHERE s.workspace_id = $1 AND $2 = ANY (s.uses) ORDER BY s.key`;

const holds = (document: string): string =>
  `EXISTS (SELECT FROM unnest($2::text[]) AS named (text) WHERE strpos(${document}::text, named.text) > 0)`;

const readSeries = `
  SELECT s.key, v.definition
  FROM series s
  JOIN series_versions v ON v.workspace_id = s.workspace_id AND v.series_key = s.key
  WHERE s.workspace_id = $1 AND s.state <> 'archived' AND ${holds('v.definition')}
    AND (v.version = s.version OR EXISTS (
      SELECT FROM enrollments e
      WHERE e.workspace_id = s.workspace_id AND e.series_key = s.key AND e.version = v.version AND e.state = 'active'
    ))
  ORDER BY s.key, v.version`;

// The audience of one that is sent once is frozen when it is launched.
const readBroadcasts = `
  SELECT b.key, b.definition FROM broadcasts b
  WHERE b.workspace_id = $1 AND NOT b.archived AND ${holds('b.definition')} AND NOT EXISTS (
    SELECT FROM broadcast_runs r WHERE r.workspace_id = b.workspace_id AND r.broadcast_key = b.key AND r.run = 'once'
  )
  ORDER BY b.key`;
