-- Automations: what happened (outbox), who is inside a series (enrollments), what is due (work), what was sent
-- (deliveries). Postgres is the queue of record; everything in Redis is rebuilt from `work`.

CREATE TABLE outbox (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL CHECK (kind IN ('user_created', 'user_updated', 'event', 'segment_entered', 'segment_left')),
  end_user_id uuid,
  user_id text COLLATE "C",
  payload jsonb NOT NULL DEFAULT '{}',
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- The rest serves a row that one series could not take: the others went on, and this one is tried again for it alone.
  series_key text COLLATE "C",
  attempts integer NOT NULL DEFAULT 0,
  retry_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  last_error text,
  -- Tried often enough; kept until the series is saved again.
  parked boolean NOT NULL DEFAULT false,
  PRIMARY KEY (workspace_id, id)
);

-- Intake: the oldest rows of each workspace that may be taken now.
CREATE INDEX outbox_ready ON outbox (workspace_id, retry_at, id) WHERE NOT parked;
-- Saving a series takes up what was parked for it.
CREATE INDEX outbox_parked ON outbox (workspace_id, series_key) WHERE parked;

CREATE TABLE series (
  workspace_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  name text NOT NULL,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'archived')),
  -- Trigger of the current version, here so that intake finds a series without reading definitions.
  trigger_type text NOT NULL,
  version integer NOT NULL,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- Since when it takes people: what happened earlier does not start it.
  active_since instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, key)
);

CREATE INDEX series_by_trigger ON series (workspace_id, trigger_type) WHERE state = 'active';

-- Never changed once written: people inside a series keep the version they entered.
CREATE TABLE series_versions (
  workspace_id text COLLATE "C" NOT NULL,
  series_key text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  definition jsonb NOT NULL,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, series_key, version),
  FOREIGN KEY (workspace_id, series_key) REFERENCES series (workspace_id, key) ON DELETE CASCADE
);

CREATE TABLE enrollments (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  series_key text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  end_user_id uuid NOT NULL,
  -- Which time the person enters this series; the policy "once" knows only 1.
  entry integer NOT NULL DEFAULT 1,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'completed', 'exited')),
  step text COLLATE "C",
  visit integer NOT NULL DEFAULT 1,
  entered_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  finished_at instant,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, series_key, end_user_id, entry),
  FOREIGN KEY (workspace_id, series_key, version) REFERENCES series_versions ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);

-- Serves the cascade when a person is deleted.
CREATE INDEX enrollments_by_person ON enrollments (workspace_id, end_user_id);

CREATE TABLE work (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  series_key text COLLATE "C" NOT NULL,
  enrollment_id bigint NOT NULL,
  step text COLLATE "C" NOT NULL,
  visit integer NOT NULL DEFAULT 1,
  due_at instant NOT NULL,
  state text NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'enqueued', 'claimed', 'done', 'unknown', 'failed', 'cancelled')),
  -- Came due while its series was paused.
  held boolean NOT NULL DEFAULT false,
  -- Grows each time the row is offered to Redis; a job of an older epoch is dropped.
  epoch integer NOT NULL DEFAULT 0,
  enqueued_at instant,
  -- Who holds the claim. The lease runs on this server's clock only.
  token uuid,
  lease_until instant,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  -- Id of the delivery this step makes, the same through every attempt: the provider's idempotency key.
  delivery_id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  finished_at instant,
  PRIMARY KEY (workspace_id, id),
  UNIQUE (workspace_id, enrollment_id, step, visit),
  CHECK ((state = 'claimed') = (token IS NOT NULL)),
  CHECK ((state = 'claimed') = (lease_until IS NOT NULL)),
  FOREIGN KEY (workspace_id, enrollment_id) REFERENCES enrollments ON DELETE CASCADE
);

-- Relay: what is due in each workspace.
CREATE INDEX work_due ON work (workspace_id, due_at, id) WHERE state = 'pending' AND NOT held;
-- A new Redis incarnation, and the sweep of rows that wait too long.
CREATE INDEX work_enqueued ON work (workspace_id, enqueued_at) WHERE state = 'enqueued';
-- The sweep of leases that ran out.
CREATE INDEX work_claimed ON work (workspace_id, lease_until) WHERE state = 'claimed';
-- Resuming a series.
CREATE INDEX work_held ON work (workspace_id, series_key) WHERE held;

CREATE TABLE deliveries (
  workspace_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  work_id bigint NOT NULL,
  enrollment_id bigint NOT NULL,
  series_key text COLLATE "C" NOT NULL,
  step text COLLATE "C" NOT NULL,
  end_user_id uuid NOT NULL,
  channel text COLLATE "C" NOT NULL,
  -- `sending` is written before the channel is called, so that a lost confirmation is never a mystery.
  state text NOT NULL CHECK (state IN ('sending', 'delivered', 'failed', 'unknown')),
  -- As first rendered: a repeat with the same idempotency key carries the same content.
  message jsonb NOT NULL,
  attempts integer NOT NULL DEFAULT 1,
  last_error text,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  delivered_at instant,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);

CREATE INDEX deliveries_by_person ON deliveries (workspace_id, end_user_id, created_at DESC);

CREATE TABLE inbox_messages (
  workspace_id text COLLATE "C" NOT NULL,
  -- The delivery's id: a repeated delivery meets its own row.
  delivery_id uuid NOT NULL,
  end_user_id uuid NOT NULL,
  title text,
  text text NOT NULL,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  read_at instant,
  PRIMARY KEY (workspace_id, delivery_id),
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);

CREATE INDEX inbox_messages_by_person ON inbox_messages (workspace_id, end_user_id, created_at DESC);

-- The one table without a workspace: it counts the lives of a Redis server that all workspaces share. A counter in
-- Redis that is missing or differs means that what was enqueued there is gone.
CREATE TABLE redis_incarnations (
  queue text COLLATE "C" PRIMARY KEY,
  counter bigint NOT NULL
);
