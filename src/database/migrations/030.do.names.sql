-- Which trait keys and event names a workspace has: 10,000 and 2,000, half of them by write keys, which are public. A name is
-- asked for before the first row that has it is written, so that no call pays for the others.
CREATE TABLE known_names (
  workspace_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('user', 'company', 'event')),
  name text COLLATE "C" NOT NULL,
  by_write_key boolean NOT NULL DEFAULT false,
  since instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, kind, name)
);
SELECT muster_guard('known_names');

-- An index cannot hold very long names. The first 200 characters are those that the catalogue has.
CREATE FUNCTION muster_known_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN length(name) <= 200 THEN name ELSE left(name, 199) || '…' || md5(name) END
$$;

-- Whether there is room for names: places of those for which there is none, with the bound. Where there is room for all, those
-- that are new are noted, if asked.
CREATE FUNCTION muster_admit_names(
  workspace text, kinds text[], names text[], by_key_of_browsers boolean, to_note boolean
) RETURNS TABLE (place integer, most integer) LANGUAGE plpgsql AS $$
DECLARE
  full_bound boolean := false;
BEGIN
  IF NOT EXISTS (
    SELECT FROM unnest(kinds, names) AS n (kind, name)
    WHERE NOT EXISTS (
      SELECT FROM known_names AS k
      WHERE k.workspace_id = workspace AND k.kind = n.kind AND k.name = muster_known_name(n.name)
    )
  ) THEN
    RETURN;
  END IF;
  -- New names of one workspace are counted one call after another; the next statement sees what the one before noted.
  PERFORM pg_advisory_xact_lock(hashtextextended('muster names ' || workspace, 0));
  FOR place, most IN
    WITH bounds (of_events, bound) AS (
      VALUES (false, CASE WHEN by_key_of_browsers THEN 5000 ELSE 10000 END),
        (true, CASE WHEN by_key_of_browsers THEN 1000 ELSE 2000 END)
    ), taken AS (
      SELECT b.of_events, b.bound, count(k.name) AS every, count(k.name) FILTER (WHERE k.by_write_key) AS public
      FROM bounds AS b
      LEFT JOIN known_names AS k ON k.workspace_id = workspace AND (k.kind = 'event') = b.of_events
      GROUP BY b.of_events, b.bound
    ), rooms AS (
      SELECT of_events, bound,
        CASE WHEN by_key_of_browsers THEN least(bound - public, 2 * bound - every) ELSE bound - every END AS room
      FROM taken
    ), fresh AS (
      SELECT n.kind, muster_known_name(n.name) AS name, min(n.place) AS first
      FROM unnest(kinds, names) WITH ORDINALITY AS n (kind, name, place)
      WHERE NOT EXISTS (
        SELECT FROM known_names AS k
        WHERE k.workspace_id = workspace AND k.kind = n.kind AND k.name = muster_known_name(n.name)
      )
      GROUP BY n.kind, muster_known_name(n.name)
    ), numbered AS (
      SELECT f.*, row_number() OVER (PARTITION BY f.kind = 'event' ORDER BY f.first) AS number FROM fresh AS f
    ), over AS (
      SELECT n.kind, n.name, r.bound FROM numbered AS n JOIN rooms AS r ON r.of_events = (n.kind = 'event')
      WHERE n.number > r.room
    )
    SELECT n.place::integer, o.bound
    FROM unnest(kinds, names) WITH ORDINALITY AS n (kind, name, place)
    JOIN over AS o ON o.kind = n.kind AND o.name = muster_known_name(n.name)
    ORDER BY n.place
  LOOP
    full_bound := true;
    RETURN NEXT;
  END LOOP;
  IF to_note AND NOT full_bound THEN
    INSERT INTO known_names (workspace_id, kind, name, by_write_key)
    SELECT workspace, n.kind, muster_known_name(n.name), by_key_of_browsers FROM unnest(kinds, names) AS n (kind, name)
    ON CONFLICT (workspace_id, kind, name) DO NOTHING;
  END IF;
END $$;

-- What there is already, whatever its number. Known traits do not count.
INSERT INTO known_names (workspace_id, kind, name)
SELECT workspace_id, entity, key FROM traits WHERE key <> ALL ('{name,email,signed_up_at,renewal_status,renewal_date,contract_term,payment_terms,on_contract}')
UNION
SELECT workspace_id, entity, key FROM trait_changes WHERE key <> ALL ('{name,email,signed_up_at,renewal_status,renewal_date,contract_term,payment_terms,on_contract}')
ON CONFLICT DO NOTHING;
-- One look into the index for each name, and not one for each event.
WITH RECURSIVE found AS (
  (SELECT workspace_id, event FROM events ORDER BY workspace_id, event LIMIT 1)
  UNION ALL
  SELECT n.workspace_id, n.event FROM found AS f CROSS JOIN LATERAL (
    SELECT e.workspace_id, e.event FROM events AS e
    WHERE (e.workspace_id, e.event) > (f.workspace_id, f.event) ORDER BY e.workspace_id, e.event LIMIT 1
  ) AS n
)
INSERT INTO known_names (workspace_id, kind, name) SELECT workspace_id, 'event', event FROM found;
