-- Whom nothing may be sent to, who was erased, and structured data beside the traits.

-- A row that an event made: the person is known by id and was never identified. Their first identify creates them as far
-- as `user_created` goes. Rows made by identify, backfill and import do not wait for one.
ALTER TABLE end_users ADD COLUMN awaits_identify boolean NOT NULL DEFAULT false;

-- One secret a workspace, so that a hash kept after an erasure says nothing in another workspace or without this table.
CREATE TABLE identifier_salts (
  workspace_id text COLLATE "C" PRIMARY KEY,
  salt bytea NOT NULL DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
);

-- What the lists below are keyed by. An e-mail address is compared without regard to ASCII case and outer spaces. NULL
-- while the workspace has no salt, which is to say no list.
CREATE FUNCTION muster_identifier_hash(workspace text, kind text, identifier text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(s.salt || convert_to(
    kind || ':' || CASE kind WHEN 'email' THEN lower(btrim(identifier) COLLATE "C") ELSE identifier END, 'UTF8'))
  FROM identifier_salts s WHERE s.workspace_id = workspace
$$;

-- The workspace's decision (a hard bounce, a complaint, a request by letter): nothing is sent on any channel. Found by
-- hash alone, so that forgetting the identifier when a person is erased does not forget the suppression.
CREATE TABLE suppressions (
  workspace_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('user_id', 'email')),
  hash bytea NOT NULL,
  identifier text COLLATE "C",
  reason text NOT NULL,
  source text NOT NULL,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, kind, hash)
);

-- The person's own wish, from one topic or, with the empty text, from all. Apart from suppressions, so that subscribing
-- again never lifts a bounce.
CREATE TABLE unsubscribes (
  workspace_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('user_id', 'email')),
  hash bytea NOT NULL,
  topic text COLLATE "C" NOT NULL DEFAULT '',
  identifier text COLLATE "C",
  reason text NOT NULL,
  source text NOT NULL,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, kind, hash, topic)
);

-- Who was erased, as hashes: proof that it was done, and what keeps suppressions findable is in the lists above.
CREATE TABLE tombstones (
  workspace_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('user_id', 'email')),
  hash bytea NOT NULL,
  erased_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, kind, hash)
);

-- Whether a message must not be sent to the person: suppressed, unsubscribed from all, or from this topic, by id or by
-- the e-mail address they have now.
CREATE FUNCTION muster_suppressed(workspace text, person uuid, about text DEFAULT '') RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT EXISTS (
    SELECT FROM end_users u
    CROSS JOIN LATERAL (
      VALUES ('user_id', muster_identifier_hash(workspace, 'user_id', u.user_id)),
        ('email', muster_identifier_hash(workspace, 'email', u.email))
    ) AS known (kind, hash)
    WHERE u.workspace_id = workspace AND u.id = person AND (
      EXISTS (
        SELECT FROM suppressions s
        WHERE s.workspace_id = workspace AND s.kind = known.kind AND s.hash = known.hash
      )
      OR EXISTS (
        SELECT FROM unsubscribes s
        WHERE s.workspace_id = workspace AND s.kind = known.kind AND s.hash = known.hash AND s.topic IN ('', about)
      )
    )
  )
$$;

-- Structured JSON about one person, for an assistant's prompt.
CREATE TABLE context_entries (
  workspace_id text COLLATE "C" NOT NULL,
  end_user_id uuid NOT NULL,
  key text COLLATE "C" NOT NULL,
  value jsonb NOT NULL,
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, end_user_id, key),
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);
