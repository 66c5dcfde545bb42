-- Row-level security. Every table with a workspace_id is guarded for three roles that nobody logs in with; the user that
-- Muster connects as takes one of them for a transaction, or acts as itself with the rights of the third:
--   muster_app     reads and writes the one workspace that the setting muster.workspace names
--   muster_reader  only reads, and only what compiled audiences ask about, of every workspace: under a policy that
--                  compares something, jsonb @> may not use its index, because it is not leakproof
--   muster_engine  what goes on for all workspaces together: the loops of automations, the catalogue's, migrations
-- Roles belong to the whole server, so that several databases make them at the same time and find them made.

-- Makes the three roles and lets the user who connects use them. What is there already is left as it is. Raises MU001
-- where this user may not; src/database/roles.ts tells what an administrator does then.
CREATE FUNCTION muster_make_roles() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  grants_name_options CONSTANT boolean := current_setting('server_version_num')::integer >= 160000;
  wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES
      -- Taking a role is the right of the user who logged in; having its rights all along is the current one's.
      ('muster_app', session_user, CASE WHEN grants_name_options THEN 'SET' ELSE 'MEMBER' END, 'INHERIT FALSE, SET TRUE'),
      ('muster_reader', session_user, CASE WHEN grants_name_options THEN 'SET' ELSE 'MEMBER' END, 'INHERIT FALSE, SET TRUE'),
      ('muster_engine', current_user, 'USAGE', 'INHERIT TRUE, SET FALSE')
    ) AS role (name, login, privilege, options)
  LOOP
    FOR attempt IN 1..50 LOOP
      BEGIN
        IF to_regrole(wanted.name) IS NULL THEN
          EXECUTE format('CREATE ROLE %I NOLOGIN', wanted.name);
        END IF;
        IF NOT pg_has_role(wanted.login, to_regrole(wanted.name), wanted.privilege) THEN
          EXECUTE format('GRANT %I TO %I', wanted.name, wanted.login)
            || CASE WHEN grants_name_options THEN ' WITH ' || wanted.options ELSE '' END;
        END IF;
        EXIT;
      EXCEPTION
        WHEN insufficient_privilege THEN
          RAISE 'the role % cannot be made or used', wanted.name USING ERRCODE = 'MU001';
        -- Another database of this server is at it: the second of two that make a role, or grant one, fails like this.
        WHEN duplicate_object OR unique_violation OR undefined_object OR internal_error THEN
          IF attempt = 50 THEN RAISE; END IF;
          PERFORM pg_sleep(0.01 * attempt);
      END;
    END LOOP;
  END LOOP;
END $$;

SELECT muster_make_roles();

-- Which tables are guarded. A dump leaves policies and grants out where the roles are missing; this says what to put back.
CREATE TABLE guarded_tables (
  name text PRIMARY KEY,
  -- Whether compiled audiences read it.
  audience boolean NOT NULL
);

-- Guards a table; every migration that makes one with a workspace_id calls it. Partitions are reached through their
-- parent, whose policies hold then: they get no grants. May be repeated.
CREATE FUNCTION muster_guard(guarded regclass, audience boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- Never equal without a workspace: the setting is NULL before its first use in a session, and the empty text after it.
  own CONSTANT text := $own$workspace_id = nullif(current_setting('muster.workspace', true), '')$own$;
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
  EXECUTE format('DROP POLICY IF EXISTS muster_app ON %s', guarded);
  EXECUTE format('CREATE POLICY muster_app ON %s TO muster_app USING (%s) WITH CHECK (%2$s)', guarded, own);
  EXECUTE format('DROP POLICY IF EXISTS muster_reader ON %s', guarded);
  EXECUTE format('CREATE POLICY muster_reader ON %s FOR SELECT TO muster_reader USING (true)', guarded);
  EXECUTE format('DROP POLICY IF EXISTS muster_engine ON %s', guarded);
  EXECUTE format('CREATE POLICY muster_engine ON %s TO muster_engine USING (true) WITH CHECK (true)', guarded);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO muster_app, muster_engine', guarded);
  EXECUTE format(
    CASE WHEN audience THEN 'GRANT SELECT ON %s TO muster_reader' ELSE 'REVOKE ALL ON %s FROM muster_reader' END, guarded);
  INSERT INTO guarded_tables AS g (name, audience)
  SELECT relname, muster_guard.audience FROM pg_class WHERE oid = guarded
  ON CONFLICT (name) DO UPDATE SET audience = EXCLUDED.audience;
END $$;

-- The guarded tables that lack some of it.
CREATE FUNCTION muster_unguarded() RETURNS SETOF guarded_tables LANGUAGE sql STABLE AS $$
  SELECT g.*
  FROM guarded_tables AS g JOIN pg_class AS c ON c.oid = to_regclass(quote_ident(g.name))
  WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)
    OR 3 > (
      SELECT count(*) FROM pg_policy AS p
      WHERE p.polrelid = c.oid AND p.polroles = ARRAY[to_regrole(p.polname::text)::oid]
        AND p.polname IN ('muster_app', 'muster_reader', 'muster_engine')
    )
    OR has_table_privilege(to_regrole('muster_app'), c.oid, 'SELECT, INSERT') IS NOT TRUE
    OR has_table_privilege(to_regrole('muster_engine'), c.oid, 'SELECT, INSERT') IS NOT TRUE
    OR g.audience AND has_table_privilege(to_regrole('muster_reader'), c.oid, 'SELECT') IS NOT TRUE
$$;

-- Puts back what a restore into another server, or the removal of a role, took away. Run at the end of every migration.
CREATE FUNCTION muster_guard_again() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  lost guarded_tables;
BEGIN
  PERFORM muster_make_roles();
  IF NOT has_schema_privilege('muster_app', current_schema(), 'USAGE')
    OR NOT has_schema_privilege('muster_reader', current_schema(), 'USAGE')
    OR NOT has_schema_privilege('muster_engine', current_schema(), 'USAGE')
    OR NOT has_table_privilege('muster_engine', 'muster_schema', 'SELECT') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO muster_app, muster_reader, muster_engine', current_schema());
    GRANT SELECT ON muster_schema, guarded_tables TO muster_engine;
    GRANT SELECT, INSERT, UPDATE, DELETE ON redis_incarnations TO muster_engine;
  END IF;
  FOR lost IN SELECT * FROM muster_unguarded() LOOP
    PERFORM muster_guard(lost.name::regclass, lost.audience);
  END LOOP;
END $$;

SELECT muster_guard(name::regclass)
FROM unnest(ARRAY[
  'workspaces', 'api_keys', 'identity_secrets', 'identity_findings',
  'identifier_salts', 'suppressions', 'unsubscribes', 'tombstones', 'context_entries',
  'traits', 'trait_types', 'trait_changes', 'event_messages',
  'outbox', 'series', 'series_versions', 'enrollments', 'work', 'deliveries', 'inbox_messages'
]) AS name;
SELECT muster_guard(name::regclass, audience => true) FROM unnest(ARRAY['end_users', 'companies', 'events']) AS name;

SELECT muster_guard_again();
