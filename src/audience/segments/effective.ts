/** People who are in a segment, or kept out of it, whatever its filter says: by user id. */
export interface OverriddenIds {
  readonly in: readonly string[];
  readonly out: readonly string[];
}

/** What a segment means: its filter, and who is in it or kept out of it by hand. */
export function withOverrides(filter: unknown, overrides: OverriddenIds | null): unknown {
  if (overrides === null) return filter;
  const kept = overrides.out.length === 0 ? filter : { and: [{ '!': among(overrides.out) }, filter] };
  return overrides.in.length === 0 ? kept : { or: [among(overrides.in), kept] };
}

const among = (ids: readonly string[]): unknown => ({ in: [{ var: 'user_id' }, ids] });

/** A segment as it is stored, read with `overriddenIds`. */
export interface StoredFilter {
  readonly filter: unknown;
  readonly overrides: OverriddenIds | null;
}

/** What the segment of a row means. */
export function effectiveOf({ filter, overrides }: StoredFilter): unknown {
  return withOverrides(filter, overrides);
}

/** The column that `effectiveOf` needs beside the filter of a segment. */
export const overriddenIds = (segment: string): string => `(
  SELECT jsonb_build_object(
    'in', coalesce(jsonb_agg(u.user_id ORDER BY u.user_id) FILTER (WHERE o.member), '[]'),
    'out', coalesce(jsonb_agg(u.user_id ORDER BY u.user_id) FILTER (WHERE NOT o.member), '[]')
  )
  FROM segment_overrides AS o JOIN end_users AS u ON u.workspace_id = o.workspace_id AND u.id = o.end_user_id
  WHERE o.workspace_id = ${segment}.workspace_id AND o.segment_key = ${segment}.key
    AND (o.until IS NULL OR o.until > statement_timestamp())
  HAVING count(*) > 0
) AS overrides`;
