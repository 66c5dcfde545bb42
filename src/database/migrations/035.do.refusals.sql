-- What was sent and could not be stored, where the sender is not told, or may not look at the answer. One row a fault, kept
-- for 30 days, and of each workspace the newest 100,000.
CREATE TABLE ingest_refusals (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- What was called, such as `identify` or `track`.
  call text COLLATE "C" NOT NULL,
  code text COLLATE "C" NOT NULL,
  -- JSON Pointer into what was sent.
  path text NOT NULL,
  message text NOT NULL,
  -- What stood there, in short; NULL where nothing did.
  value text,
  -- Whether the whole call was lost, or only what stood there.
  whole boolean NOT NULL,
  -- As they were sent: there need be no such person.
  user_id text COLLATE "C",
  anonymous_id text COLLATE "C",
  message_id text COLLATE "C",
  PRIMARY KEY (workspace_id, id)
);

-- Who asks about one person, erases or exports them.
CREATE INDEX ingest_refusals_user ON ingest_refusals (workspace_id, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX ingest_refusals_visitor ON ingest_refusals (workspace_id, anonymous_id, id) WHERE anonymous_id IS NOT NULL;
-- What is too old.
CREATE INDEX ingest_refusals_at ON ingest_refusals (workspace_id, at);

SELECT muster_guard('ingest_refusals');
