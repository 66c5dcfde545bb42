-- Finding people by a part of their id, e-mail address or name. A table of its own, because every identify writes the person's row
-- and with it each of its indexes: trigrams there cost a known person 100 microseconds and 900 bytes of log at each visit,
-- for texts that hardly ever change. This row is written only when one of them does.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- How a text is compared in a search: in lower case, the same for what is stored and what is asked. Letters outside ASCII are folded
-- by a collation that knows them: Postgres' own from version 17 on, else ICU's, else the database's.
DO $migration$
BEGIN
  EXECUTE format($define$
    CREATE FUNCTION muster_search_text(text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $body$
      SELECT lower($1 COLLATE %I) COLLATE "C"
    $body$ $define$,
    coalesce((
      SELECT c.collname FROM pg_collation AS c
      WHERE c.collnamespace = 'pg_catalog'::regnamespace AND c.collname IN ('pg_c_utf8', 'und-x-icu')
        AND c.collencoding IN (-1, (SELECT d.encoding FROM pg_database AS d WHERE d.datname = current_database()))
      ORDER BY c.collname = 'pg_c_utf8' DESC LIMIT 1
    ), 'default'));
END $migration$;

CREATE TABLE people_search (
  workspace_id text COLLATE "C" NOT NULL,
  end_user_id uuid NOT NULL,
  -- Each part behind a blank, so that what begins a word is found by the word's beginning.
  text text COLLATE "C" NOT NULL,
  PRIMARY KEY (workspace_id, end_user_id)
);

CREATE FUNCTION muster_person_text(user_id text, email text, name text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT muster_search_text(concat(' ' || user_id, ' ' || email, ' ' || name))
$$;

INSERT INTO people_search (workspace_id, end_user_id, text)
SELECT u.workspace_id, u.id, muster_person_text(u.user_id, u.email, u.name) FROM end_users AS u;

CREATE INDEX people_search_text ON people_search USING gin (workspace_id, text gin_trgm_ops)
  -- What waits to be merged is read by every search; a shorter list costs imports 5 %.
  WITH (gin_pending_list_limit = 4096);

CREATE FUNCTION muster_search_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO people_search (workspace_id, end_user_id, text)
  SELECT n.workspace_id, n.id, muster_person_text(n.user_id, n.email, n.name) FROM new_rows AS n;
  RETURN NULL;
END $$;
CREATE TRIGGER end_users_search_insert AFTER INSERT ON end_users REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION muster_search_insert();

CREATE FUNCTION muster_search_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE people_search AS s SET text = muster_person_text(NEW.user_id, NEW.email, NEW.name)
  WHERE s.workspace_id = NEW.workspace_id AND s.end_user_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER end_users_search_update AFTER UPDATE ON end_users FOR EACH ROW
  WHEN ((OLD.user_id, OLD.email, OLD.name) IS DISTINCT FROM (NEW.user_id, NEW.email, NEW.name))
  EXECUTE FUNCTION muster_search_update();

-- In the place of a foreign key, which would look up each person of an import.
CREATE FUNCTION muster_search_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM people_search AS s USING old_rows AS o
  WHERE s.workspace_id = o.workspace_id AND s.end_user_id = o.id;
  RETURN NULL;
END $$;
CREATE TRIGGER end_users_search_delete AFTER DELETE ON end_users REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION muster_search_delete();

SELECT muster_guard('people_search', audience => true);
