-- What tracked segments are kept by: whose data changed, and when stored times come to the clock.

-- What the filter of each tracked segment reads, by the names under which changes are told; nested segments included.
ALTER TABLE segments
  ADD COLUMN reads text[] COLLATE "C" NOT NULL DEFAULT '{}',
  -- The transactions that must be over before its building begins: each could have changed data without seeing what it reads.
  ADD COLUMN build_after text[],
  ADD COLUMN begun boolean NOT NULL DEFAULT false;

-- What any tracked segment of the workspace reads.
CREATE TABLE segment_watches (
  workspace_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace_id, name)
);

-- Whose data changed in a way that a tracked segment may see. Triggers append to it, so that whatever writes a row (identify,
-- backfill, import, events, a series, a hand in psql) is seen in the same transaction; keeping memberships empties it. It holds
-- names, never values.
CREATE TABLE segment_changes (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  -- One of the two: a person, or a company with all of its people.
  end_user_id uuid,
  company_id text COLLATE "C",
  -- What changed; NULL where all of it did.
  names text[] COLLATE "C",
  at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, id)
);

-- When the next stored time comes to each relative time that a tracked segment compares it with.
CREATE TABLE segment_edges (
  workspace_id text COLLATE "C" NOT NULL,
  edge text COLLATE "C" NOT NULL,
  -- NULL while no stored time can come to it.
  next_at instant,
  PRIMARY KEY (workspace_id, edge)
);

CREATE INDEX segment_edges_next ON segment_edges (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX segments_building ON segments (workspace_id, key) WHERE state = 'building';

-- Up to when memberships follow the clock: every edge whose time is not come was passed by nobody until then.
ALTER TABLE segment_clocks
  ADD COLUMN swept_to instant,
  -- The revision whose edges are listed.
  ADD COLUMN listed bigint;

-- The name that the change of a custom field has.
CREATE FUNCTION muster_change_name(key text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN key = '' OR starts_with(key, '/') THEN 'custom:/' || replace(replace(key, '~', '~0'), '/', '~1')
    ELSE 'custom:' || key
  END
$$;

-- Updates are looked at row by row: a join of the old rows with the new ones would be planned for one row and run for thousands.
-- Where nothing is tracked, one look into an empty index is all that it costs.
DO $migration$
DECLARE
  target record;
  columns text;
BEGIN
  FOR target IN VALUES
    ('end_users', '', 'end_user_id', 'id', ARRAY['user_id', 'anonymous_id', 'company_id', 'email']),
    ('companies', 'company.', 'company_id', 'company_id', ARRAY['company_id'])
  LOOP
    SELECT string_agg(format('(%L, OLD.%I IS DISTINCT FROM NEW.%2$I)', target.column2 || name, name), ', ')
    INTO columns
    FROM unnest(target.column5 || ARRAY['name', 'signed_up_at', 'renewal_status', 'renewal_date', 'contract_term',
      'payment_terms', 'on_contract', 'created_at', 'updated_at', 'first_seen', 'last_seen', 'last_contacted_at']) AS name;
    EXECUTE format($define$
      CREATE FUNCTION muster_note_%1$s_update() RETURNS trigger LANGUAGE plpgsql AS $body$
      DECLARE
        changed text[];
      BEGIN
        IF NOT EXISTS (SELECT FROM segment_watches w WHERE w.workspace_id = NEW.workspace_id) THEN RETURN NULL; END IF;
        SELECT array_agg(c.name) INTO changed FROM (VALUES %2$s) AS c (name, differs) WHERE c.differs;
        IF OLD.custom_fields IS DISTINCT FROM NEW.custom_fields THEN
          changed := changed || ARRAY(
            SELECT %3$L || muster_change_name(key)
            FROM jsonb_each(OLD.custom_fields) AS a FULL JOIN jsonb_each(NEW.custom_fields) AS b USING (key)
            WHERE a.value IS DISTINCT FROM b.value
          );
        END IF;
        SELECT array_agg(w.name) INTO changed FROM segment_watches w
        WHERE w.workspace_id = NEW.workspace_id AND w.name = ANY (changed);
        IF changed IS NOT NULL THEN
          INSERT INTO segment_changes (workspace_id, %4$s, names) VALUES (NEW.workspace_id, NEW.%5$s, changed);
        END IF;
        RETURN NULL;
      END $body$ $define$, target.column1, columns, target.column2, target.column3, target.column4);
    EXECUTE format('CREATE TRIGGER %1$s_note_update AFTER UPDATE ON %1$s
      FOR EACH ROW EXECUTE FUNCTION muster_note_%1$s_update()', target.column1);
    -- Who or what is new has all of it changed. Of companies only those concern anybody of whom some filter reads anything.
    EXECUTE format($define$
      CREATE FUNCTION muster_note_%1$s_insert() RETURNS trigger LANGUAGE plpgsql AS $body$
      BEGIN
        INSERT INTO segment_changes (workspace_id, %2$s)
        SELECT n.workspace_id, n.%3$s FROM new_rows n
        WHERE EXISTS (SELECT FROM segment_watches w WHERE w.workspace_id = n.workspace_id %4$s);
        RETURN NULL;
      END $body$ $define$, target.column1, target.column3, target.column4,
      CASE target.column1 WHEN 'companies' THEN $company$AND w.name = 'company_id'$company$ ELSE '' END);
    EXECUTE format('CREATE TRIGGER %1$s_note_insert AFTER INSERT ON %1$s REFERENCING NEW TABLE AS new_rows
      FOR EACH STATEMENT EXECUTE FUNCTION muster_note_%1$s_insert()', target.column1);
  END LOOP;
END $migration$;

CREATE FUNCTION muster_note_companies_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO segment_changes (workspace_id, company_id)
  SELECT o.workspace_id, o.company_id FROM old_rows o
  WHERE EXISTS (SELECT FROM segment_watches w WHERE w.workspace_id = o.workspace_id AND w.name = 'company_id');
  RETURN NULL;
END $$;

CREATE TRIGGER companies_note_delete AFTER DELETE ON companies REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION muster_note_companies_delete();

-- Events come, are given to somebody else when a visitor turns out to be a person, and go when somebody is erased.
CREATE FUNCTION muster_note_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO segment_changes (workspace_id, end_user_id, names)
  SELECT e.workspace_id, e.end_user_id, array_agg(DISTINCT w.name)
  FROM noted e JOIN segment_watches w ON w.workspace_id = e.workspace_id AND w.name = 'event:' || e.event
  GROUP BY e.workspace_id, e.end_user_id;
  RETURN NULL;
END $$;

CREATE TRIGGER events_note_insert AFTER INSERT ON events REFERENCING NEW TABLE AS noted
  FOR EACH STATEMENT EXECUTE FUNCTION muster_note_events();
CREATE TRIGGER events_note_update AFTER UPDATE ON events REFERENCING NEW TABLE AS noted
  FOR EACH STATEMENT EXECUTE FUNCTION muster_note_events();
CREATE TRIGGER events_note_delete AFTER DELETE ON events REFERENCING OLD TABLE AS noted
  FOR EACH STATEMENT EXECUTE FUNCTION muster_note_events();

SELECT muster_guard('segment_watches');
SELECT muster_guard('segment_changes');
SELECT muster_guard('segment_edges');
