-- What compiled filters stand on: the function that reads a time out of a custom field, and the base indexes.

-- The instant of an ISO 8601 text, the same grammar as parseIso in src/filter/iso8601.ts; NULL for everything else.
-- It never raises and depends on no setting, so that it is truly immutable and can be indexed. The pattern admits only
-- dates that exist, leap years included, so that the cast at the end has nothing left to refuse.
CREATE FUNCTION muster_time(value jsonb) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  written text := value #>> '{}';
  instant timestamptz;
BEGIN
  -- Only a text can match: no other JSON value has two dashes in these places. The cheap tests stand first.
  IF written NOT LIKE '____-__-__%' OR length(written) > 64 OR left(written, 4) = '0000' OR written !~ (
    '^(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))'
    '|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)'
    '(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?(?:Z|[+-](?:0[0-9]|1[0-5]):[0-5][0-9])?)?$')
  THEN
    RETURN NULL;
  END IF;
  -- 23 characters reach to the third digit of the fraction: the rest is cut, where the cast would round.
  IF length(written) = 10 OR substr(written, length(written) - 5, 1) NOT IN ('+', '-') THEN
    RETURN left(rtrim(written, 'Z'), 23)::timestamp AT TIME ZONE 'UTC';
  END IF;
  instant := (left(left(written, -6), 23)::timestamp - right(written, 6)::interval) AT TIME ZONE 'UTC';
  -- An offset can carry the instant out of the years 0001 to 9999.
  RETURN CASE WHEN instant >= '0001-01-01 00:00:00+00' AND instant < '10000-01-01 00:00:00+00' THEN instant END;
END $$;

-- The items of a comma-separated text, each trimmed of spaces; the empty text is one empty item. It is one expression and
-- not STRICT, so that Postgres puts it in place of the call.
CREATE FUNCTION muster_items(list text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN btrim(list, ' ') = '' THEN ARRAY['']
    ELSE string_to_array(regexp_replace(btrim(list, ' '), ' *, *', ',', 'g'), ',') END
$$;

CREATE INDEX end_users_custom_fields ON end_users USING gin (workspace_id, custom_fields jsonb_path_ops);
CREATE INDEX companies_custom_fields ON companies USING gin (workspace_id, custom_fields jsonb_path_ops);
CREATE INDEX end_users_company_id ON end_users (workspace_id, company_id);
CREATE INDEX end_users_email ON end_users (workspace_id, email);
CREATE INDEX end_users_lower_email ON end_users (workspace_id, lower(email));
CREATE INDEX end_users_signed_up_at ON end_users (workspace_id, signed_up_at);
CREATE INDEX end_users_created_at ON end_users (workspace_id, created_at);
CREATE INDEX end_users_days_since_signup ON end_users (workspace_id, COALESCE(signed_up_at, created_at));
CREATE INDEX end_users_last_seen ON end_users (workspace_id, last_seen);
CREATE INDEX end_users_last_contacted_at ON end_users (workspace_id, last_contacted_at);
CREATE INDEX end_users_renewal_date ON end_users (workspace_id, renewal_date);
CREATE INDEX end_users_renewal_status ON end_users (workspace_id, renewal_status);
-- Only people who have the field are in it, so that a workspace that never sends it pays nothing.
CREATE INDEX end_users_trial_ends_at ON end_users (workspace_id, muster_time(custom_fields -> 'trial_ends_at'))
  WHERE muster_time(custom_fields -> 'trial_ends_at') IS NOT NULL;
