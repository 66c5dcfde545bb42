-- The trait catalogue: which traits exist, which types their values have, and how many people or companies have them.
-- Triggers feed it, so that whatever writes a row (identify, backfill, import, erasure, a hand in psql) is counted in
-- the same transaction and nothing can be forgotten. They only append to `trait_changes`; no two calls meet on one row.
-- Changes are folded into `trait_types` in batches. A count is the folded number plus what is not yet folded: exact.

CREATE TABLE traits (
  workspace_id text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL CHECK (entity IN ('user', 'company')),
  key text COLLATE "C" NOT NULL,
  declared_type text CHECK (declared_type IN ('text', 'number', 'boolean', 'list', 'object')),
  -- When a value first and last arrived; null for a trait that was declared and never sent.
  first_seen instant,
  last_seen instant,
  PRIMARY KEY (workspace_id, entity, key)
);

-- Rows whose value has that type now. A type that nobody has any more stays, with 0: it was seen.
CREATE TABLE trait_types (
  workspace_id text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL CHECK (type IN ('text', 'number', 'boolean', 'list', 'object', 'time')),
  count bigint NOT NULL,
  PRIMARY KEY (workspace_id, entity, key, type)
);

-- Append-only, emptied by folding. It holds names and types, never values: nothing of a person is left in it.
CREATE TABLE trait_changes (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  entity text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  -- Null when the trait was sent again without another count, which moves only `last_seen`.
  type text COLLATE "C",
  delta bigint NOT NULL,
  at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, id)
);

-- The name that a key has in the catalogue: very long ones are cut, because an index cannot hold them. Two that begin
-- alike for so long are one trait there.
CREATE FUNCTION muster_trait_name(key text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN length(key) <= 200 THEN key ELSE left(key, 199) || '…' END
$$;

-- The type that a stored value has in the catalogue; NULL for JSON null, which is no value.
CREATE FUNCTION muster_trait_type(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE jsonb_typeof(value)
    WHEN 'string' THEN 'text' WHEN 'array' THEN 'list' WHEN 'null' THEN NULL ELSE jsonb_typeof(value) END
$$;

-- What feeds the catalogue. Inserts and deletes are counted a statement at a time, which costs an import little; a
-- statement that inserts nothing (identify of somebody who is there) ends at the first line. Updates are looked at row by
-- row, because there the WHEN clause spares the usual identify, one that changes nothing, everything.
DO $migration$
DECLARE
  target record;
  event record;
  present text;
  counted text;
  count_rows text;
  differs text;
  changed text;
BEGIN
  FOR target IN VALUES
    ('end_users', 'user', ARRAY['name text', 'email text', 'signed_up_at time', 'renewal_status text', 'renewal_date time',
      'contract_term text', 'payment_terms text', 'on_contract boolean']),
    ('companies', 'company', ARRAY['name text', 'signed_up_at time', 'renewal_status text', 'renewal_date time',
      'contract_term text', 'payment_terms text', 'on_contract boolean'])
  LOOP
    SELECT string_agg(format('count(r.%1$I) AS %1$I', name), ', '),
      string_agg(format('(%1$L, %2$L, c.%1$I)', name, type), ', '),
      string_agg(format('(OLD.%1$I IS NULL) <> (NEW.%1$I IS NULL)', name), ' OR '),
      string_agg(format('(%1$L, CASE WHEN OLD.%1$I IS NOT NULL THEN %2$L END, CASE WHEN NEW.%1$I IS NOT NULL THEN %2$L END)',
        name, type), ', ')
    INTO present, counted, differs, changed
    FROM (SELECT split_part(known, ' ', 1) AS name, split_part(known, ' ', 2) AS type FROM unnest(target.column3) AS known) AS k;

    FOR event IN VALUES ('insert', 'new', ''), ('delete', 'old', '-') LOOP
      count_rows := format($count$
        INSERT INTO trait_changes (workspace_id, entity, key, type, delta)
        SELECT c.workspace_id, %1$L, k.key, k.type, %2$s k.count
        FROM (SELECT r.workspace_id, %3$s FROM %5$s AS r GROUP BY r.workspace_id) AS c
        CROSS JOIN LATERAL (VALUES %4$s) AS k (key, type, count)
        WHERE k.count > 0
        UNION ALL
        SELECT r.workspace_id, %1$L, muster_trait_name(e.key), muster_trait_type(e.value), %2$s count(*)
        FROM %5$s AS r CROSS JOIN LATERAL jsonb_each(r.custom_fields) AS e
        WHERE jsonb_typeof(e.value) <> 'null'
        GROUP BY 1, 3, 4$count$, target.column2, event.column3, present, counted, '%1$s');
      EXECUTE format($define$
        CREATE FUNCTION muster_count_traits_%1$s_%2$s() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
          IF NOT EXISTS (SELECT FROM changed_rows) THEN RETURN NULL; END IF;
          %3$s;
          RETURN NULL;
        END $body$ $define$, target.column1, event.column1, format(count_rows, 'changed_rows'));
      EXECUTE format('CREATE TRIGGER %1$s_traits_%2$s AFTER %2$s ON %1$s REFERENCING %3$s TABLE AS changed_rows
        FOR EACH STATEMENT EXECUTE FUNCTION muster_count_traits_%1$s_%2$s()', target.column1, event.column1, event.column2);
      -- Those who were there before the catalogue.
      IF event.column1 = 'insert' THEN EXECUTE format(count_rows, target.column1); END IF;
    END LOOP;

    EXECUTE format($define$
      CREATE FUNCTION muster_count_traits_%1$s_update() RETURNS trigger LANGUAGE plpgsql AS $body$
      BEGIN
        INSERT INTO trait_changes (workspace_id, entity, key, type, delta)
        SELECT NEW.workspace_id, %2$L, d.key, t.type, t.delta
        FROM (
          SELECT muster_trait_name(key) AS key, muster_trait_type(a.value) AS had, muster_trait_type(b.value) AS has
          FROM jsonb_each(OLD.custom_fields) AS a FULL JOIN jsonb_each(NEW.custom_fields) AS b USING (key)
          WHERE jsonb_typeof(a.value) IS DISTINCT FROM jsonb_typeof(b.value)
          UNION ALL VALUES %3$s
        ) AS d
        CROSS JOIN LATERAL (VALUES (d.had, -1), (d.has, 1)) AS t (type, delta)
        WHERE d.had IS DISTINCT FROM d.has AND t.type IS NOT NULL;
        RETURN NULL;
      END $body$ $define$, target.column1, target.column2, changed);
    EXECUTE format('CREATE TRIGGER %1$s_traits_update AFTER UPDATE ON %1$s FOR EACH ROW
      WHEN (OLD.custom_fields IS DISTINCT FROM NEW.custom_fields OR %2$s)
      EXECUTE FUNCTION muster_count_traits_%1$s_update()', target.column1, differs);
  END LOOP;
END $migration$;
