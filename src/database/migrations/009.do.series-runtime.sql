-- What the runtime of series of every kind needs: where an enrolment stands and since when, what happened on the way,
-- which change of data concerns it, and who was turned away at the entrance.

-- The custom field that holds a person's IANA zone; the workspace's own zone counts where it is missing or no zone.
ALTER TABLE workspaces ADD COLUMN person_zone_field text COLLATE "C" NOT NULL DEFAULT 'timezone';

ALTER TABLE series
  -- Name of the event or key of the segment that starts it, so that intake reads no definition that cannot concern it.
  ADD COLUMN trigger_name text COLLATE "C";

ALTER TABLE enrollments
  DROP CONSTRAINT enrollments_state_check,
  ADD CONSTRAINT enrollments_state_check CHECK (state IN ('active', 'completed', 'exited', 'held_out')),
  -- Why it is over, as the machine names it; besides, `archived` and `removed`.
  ADD COLUMN reason text,
  -- When the present step was reached: waits count from it.
  ADD COLUMN since instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- Counts the happenings that concerned this person while inside. A worker that finds it moved while it was thinking
  -- thinks again.
  ADD COLUMN pokes integer NOT NULL DEFAULT 0,
  -- What made the person enter.
  ADD COLUMN happening text NOT NULL DEFAULT 'user_created',
  ADD COLUMN happening_name text COLLATE "C",
  ADD COLUMN happened_at instant NOT NULL DEFAULT date_trunc('milliseconds', now());

UPDATE enrollments SET since = entered_at, happened_at = entered_at;

-- Whom a happening concerns, and the reconciler's walk.
CREATE INDEX enrollments_inside ON enrollments (workspace_id, end_user_id, id) WHERE state = 'active';

ALTER TABLE work
  -- Whether a change of the person's data or an event could move them before it is due.
  ADD COLUMN listening boolean NOT NULL DEFAULT false;

-- What an operator has to look at.
CREATE INDEX work_parked ON work (workspace_id, state) WHERE state IN ('unknown', 'failed');

ALTER TABLE deliveries
  -- A `webhook` calls an endpoint of the workspace and is no message to the person: it counts in no frequency cap.
  ADD COLUMN kind text NOT NULL DEFAULT 'send' CHECK (kind IN ('send', 'webhook')),
  ADD COLUMN visit integer NOT NULL DEFAULT 1,
  -- When the last attempt began: the time at which it counts for frequency caps.
  ADD COLUMN attempted_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  ADD CONSTRAINT deliveries_delivered_has_time CHECK ((state = 'delivered') = (delivered_at IS NOT NULL));

UPDATE deliveries SET attempted_at = created_at;

DROP INDEX deliveries_by_person;
CREATE INDEX deliveries_by_person ON deliveries (workspace_id, end_user_id, attempted_at DESC);

-- What happened to one enrolment at each step, in order: the person's story, and what funnels are made of. The same thing
-- at the same arrival is one row, however often it was asked again.
CREATE TABLE enrollment_trail (
  workspace_id text COLLATE "C" NOT NULL,
  enrollment_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  step text COLLATE "C" NOT NULL,
  visit integer NOT NULL,
  what text NOT NULL,
  detail text,
  at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  UNIQUE NULLS NOT DISTINCT (workspace_id, enrollment_id, visit, what, detail)
);

-- In the place of a foreign key, which would look up the enrolment anew for each thing that happens. A footprint is only ever
-- written by a statement that holds its enrolment.
CREATE FUNCTION remove_trail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM enrollment_trail t USING gone
  WHERE t.workspace_id = gone.workspace_id AND t.enrollment_id = gone.id;
  RETURN NULL;
END $$;

CREATE TRIGGER enrollments_remove_trail AFTER DELETE ON enrollments REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION remove_trail();

-- Who stood at the entrance and did not come in, and why. Kept for 30 days.
CREATE TABLE series_decisions (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  series_key text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  end_user_id uuid NOT NULL,
  happening text NOT NULL,
  decision text NOT NULL,
  reason text NOT NULL,
  decided_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, series_key) REFERENCES series (workspace_id, key) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);

CREATE INDEX series_decisions_by_person ON series_decisions (workspace_id, end_user_id, series_key, decided_at);
CREATE INDEX series_decisions_by_series ON series_decisions (workspace_id, series_key, decided_at);
-- What is old goes.
CREATE INDEX series_decisions_by_age ON series_decisions (decided_at);

-- The canary: a job that goes the whole way of every other one, from here through Redis and a worker back to here.
ALTER TABLE redis_incarnations
  ADD COLUMN canary bigint NOT NULL DEFAULT 0,
  ADD COLUMN canary_asked_at instant,
  ADD COLUMN canary_answered bigint NOT NULL DEFAULT 0,
  ADD COLUMN canary_answered_at instant;

SELECT muster_guard('enrollment_trail');
SELECT muster_guard('series_decisions');
