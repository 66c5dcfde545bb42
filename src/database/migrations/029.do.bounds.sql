-- How much one person or company may hold: 1,000 custom traits and 128 KiB of them as JSON. Checked by the row itself, under
-- its lock, so that it is exact for whatever writes: identify, backfill, import, series, a visitor who is joined.

-- What an update of custom traits would break, or NULL. What exceeds a bound already may shrink and change, but not grow.
CREATE FUNCTION muster_overfull(had jsonb, has jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  most_traits CONSTANT integer := 1000;
  most_bytes CONSTANT integer := 131072;
  traits integer;
  bytes integer;
BEGIN
  -- Nothing below these bytes can break a bound: a trait takes 8 of them at least, and a number that is written with 309
  -- digits takes 12. Nearly everybody is below.
  IF pg_column_size(has) <= 4000 THEN RETURN NULL; END IF;
  traits := (SELECT count(*) FROM jsonb_object_keys(has));
  IF traits > most_traits AND traits > (SELECT count(*) FROM jsonb_object_keys(had)) THEN
    RETURN jsonb_build_object('bound', 'traits', 'count', traits, 'limit', most_traits);
  END IF;
  bytes := octet_length(has::text);
  IF bytes > most_bytes AND bytes > octet_length(had::text) THEN
    RETURN jsonb_build_object('bound', 'bytes', 'count', bytes, 'limit', most_bytes);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION muster_hold_bounds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  had jsonb := '{}';
  over jsonb;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    had := OLD.custom_fields;
  -- An upsert proposes the merged row of somebody who is there as a new one first; the update that follows is checked.
  ELSIF TG_TABLE_NAME = 'end_users' AND EXISTS (
    SELECT FROM end_users AS u WHERE u.workspace_id = NEW.workspace_id AND u.id = NEW.id
  ) OR TG_TABLE_NAME = 'companies' AND EXISTS (
    SELECT FROM companies AS c WHERE c.workspace_id = NEW.workspace_id AND c.id = NEW.id
  ) THEN
    RETURN NEW;
  END IF;
  over := muster_overfull(had, NEW.custom_fields);
  IF over IS NOT NULL THEN
    RAISE EXCEPTION 'the custom traits of a row exceed a bound'
      USING ERRCODE = 'MU001', DETAIL = (over || jsonb_build_object('of', TG_TABLE_NAME))::text;
  END IF;
  RETURN NEW;
END $$;

-- The conditions spare all but the big ones the call.
CREATE TRIGGER end_users_bounds_insert BEFORE INSERT ON end_users FOR EACH ROW
  WHEN (pg_column_size(NEW.custom_fields) > 4000) EXECUTE FUNCTION muster_hold_bounds();
CREATE TRIGGER end_users_bounds_update BEFORE UPDATE ON end_users FOR EACH ROW
  WHEN (pg_column_size(NEW.custom_fields) > 4000 AND NEW.custom_fields IS DISTINCT FROM OLD.custom_fields)
  EXECUTE FUNCTION muster_hold_bounds();
CREATE TRIGGER companies_bounds_insert BEFORE INSERT ON companies FOR EACH ROW
  WHEN (pg_column_size(NEW.custom_fields) > 4000) EXECUTE FUNCTION muster_hold_bounds();
CREATE TRIGGER companies_bounds_update BEFORE UPDATE ON companies FOR EACH ROW
  WHEN (pg_column_size(NEW.custom_fields) > 4000 AND NEW.custom_fields IS DISTINCT FROM OLD.custom_fields)
  EXECUTE FUNCTION muster_hold_bounds();
