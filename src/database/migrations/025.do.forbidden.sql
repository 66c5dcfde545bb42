-- Which entries of the two lists forbid sending, said once: one person is found among them by the hash of their identifiers, the
-- people of an audience by the identifiers themselves, which costs no hash for each of them.

-- An identifier as it is compared: an e-mail address without regard to ASCII case and outer spaces.
CREATE FUNCTION muster_same_identifier(kind text, identifier text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE kind WHEN 'email' THEN lower(btrim(identifier) COLLATE "C") ELSE identifier END
$$;

CREATE OR REPLACE FUNCTION muster_salted_hash(salt bytea, kind text, identifier text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256(salt || convert_to(kind || ':' || muster_same_identifier(kind, identifier), 'UTF8'))
$$;

-- The entries of a workspace that forbid a message about this topic, or, with the empty text, about none. `identifier` is NULL
-- where only the hash is kept. One that stands on both lists comes twice.
CREATE FUNCTION muster_forbidding(workspace text, about text DEFAULT '')
RETURNS TABLE (kind text, hash bytea, identifier text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT s.kind, s.hash, s.identifier FROM suppressions s WHERE s.workspace_id = workspace
  UNION ALL
  SELECT s.kind, s.hash, s.identifier FROM unsubscribes s WHERE s.workspace_id = workspace AND s.topic IN ('', about)
$$;

CREATE OR REPLACE FUNCTION muster_suppressing(workspace text, user_id text, email text, about text DEFAULT '') RETURNS SETOF boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT true
  FROM identifier_salts salts
  CROSS JOIN LATERAL (
    VALUES ('user_id', muster_salted_hash(salts.salt, 'user_id', user_id)),
      ('email', muster_salted_hash(salts.salt, 'email', email))
  ) AS known (kind, hash)
  WHERE salts.workspace_id = workspace AND EXISTS (
    SELECT FROM muster_forbidding(workspace, about) entry WHERE entry.kind = known.kind AND entry.hash = known.hash
  )
$$;
