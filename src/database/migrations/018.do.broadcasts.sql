-- Broadcasts: one message to everybody in an audience that is frozen once, at the launch.

CREATE TABLE broadcasts (
  workspace_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  name text NOT NULL,
  definition jsonb NOT NULL,
  archived boolean NOT NULL DEFAULT false,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, key)
);

-- One launch. A broadcast that is sent once has the run `once`; one that recurs has a run for each time.
CREATE TABLE broadcast_runs (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  broadcast_key text COLLATE "C" NOT NULL,
  run text COLLATE "C" NOT NULL,
  -- As it was launched: a later change of the broadcast concerns later runs only.
  definition jsonb NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'cancelled', 'completed')),
  -- Who paused it: `by_hand`, or `breaker`, with what the channel said last.
  reason text,
  detail text,
  -- The number before the launch: people by verdict and variant, frozen with them.
  breakdown jsonb NOT NULL DEFAULT '{}',
  recipients integer NOT NULL DEFAULT 0,
  first_due_at instant,
  last_due_at instant,
  -- What the ids of its deliveries begin with; the end of each is the number of its recipient.
  delivery_base uuid NOT NULL DEFAULT gen_random_uuid(),
  launched_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  finished_at instant,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, broadcast_key, run),
  FOREIGN KEY (workspace_id, broadcast_key) REFERENCES broadcasts (workspace_id, key) ON DELETE CASCADE
);

-- Who was in the audience at the launch, whether they are sent to or why not, and what became of it. A million rows come in
-- one statement, and each is written twice while it is sent: numbers follow the order in which people are due, so that work
-- on a stretch of them touches few pages; pages keep room for both writes; no index holds what those change.
CREATE TABLE broadcast_recipients (
  workspace_id text COLLATE "C" NOT NULL,
  run_id bigint NOT NULL,
  number integer NOT NULL,
  -- NULL once the person is erased: the number stays counted, who it was is forgotten.
  end_user_id uuid,
  verdict text NOT NULL CHECK (verdict IN ('suppressed', 'unreachable', 'capped', 'passed', 'deferred', 'will_send')),
  variant text COLLATE "C" NOT NULL,
  -- `sending` is written before the channel is called.
  state text NOT NULL CHECK (state IN ('pending', 'sending', 'sent', 'skipped', 'failed', 'unknown')),
  -- Why it was skipped, or what the channel said last.
  reason text,
  due_at instant,
  attempts smallint NOT NULL DEFAULT 0,
  retry_at instant,
  attempted_at instant,
  sent_at instant,
  -- As first rendered, while a repeat may be needed.
  message jsonb,
  PRIMARY KEY (workspace_id, run_id, number)
) WITH (fillfactor = 55);

-- A person's story, the caps that hold for them, and their erasure.
CREATE INDEX broadcast_recipients_by_person ON broadcast_recipients (workspace_id, end_user_id);

-- In the place of a foreign key, which would look up each of a million people at a launch. Who is gone is not sent to, and
-- that is what their row says; nothing else of them stays in it.
CREATE FUNCTION forget_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE broadcast_recipients r
  SET end_user_id = NULL, message = NULL,
    state = CASE r.state WHEN 'pending' THEN 'skipped' ELSE r.state END,
    reason = CASE r.state WHEN 'pending' THEN 'deleted' WHEN 'skipped' THEN r.reason END
  FROM gone WHERE r.workspace_id = gone.workspace_id AND r.end_user_id = gone.id;
  RETURN NULL;
END $$;

CREATE TRIGGER end_users_forget_recipients AFTER DELETE ON end_users REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION forget_recipients();

-- The id of a delivery, and the idempotency key that a channel sees: made of its run and its number, so that a million of
-- them take no room and no index.
CREATE FUNCTION muster_delivery_id(base uuid, number integer) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (left(base::text, 28) || lpad(to_hex(number), 8, '0'))::uuid
$$;

SELECT muster_guard('broadcasts');
SELECT muster_guard('broadcast_runs');
SELECT muster_guard('broadcast_recipients');
