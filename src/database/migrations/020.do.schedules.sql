-- What comes about by the clock. Postgres remembers when each schedule is due, which runs came about and how far each of
-- them is; any number of schedulers look, and the keys see to it that a run comes about once.

CREATE TABLE schedules (
  workspace_id text COLLATE "C" NOT NULL,
  -- What it starts, by its key: `series`, `broadcast`.
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  -- When, as it was written: {"type": "schedule", "cron": ...} or {"type": "date", "field": ...}.
  plan jsonb NOT NULL,
  paused boolean NOT NULL DEFAULT false,
  -- Since when this plan holds: what it names before that never comes about.
  since instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- Since when it is not paused: what came about before that was missed in a pause.
  resumed_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- Whatever came about up to here is decided about.
  decided_until instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  -- The zone that `next_at` was found in; null before the first look.
  zone text,
  -- When it is looked at next; null where it never comes about again.
  next_at instant DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, kind, key)
);

CREATE INDEX schedules_due ON schedules (next_at);
-- A clock that went back is found by what it decided before.
CREATE INDEX schedules_decided ON schedules (decided_until);

-- Each run once, whoever claims it: the scheduled instant is part of the key.
CREATE TABLE schedule_runs (
  workspace_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  scheduled_for instant NOT NULL,
  -- Up to where the run before it looked; only a date trigger asks.
  looked_until instant NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped', 'failed')),
  -- Why it was stopped.
  reason text,
  -- Internal id of the last person who was looked at.
  cursor uuid,
  -- How many people became what.
  tally jsonb NOT NULL DEFAULT '{}',
  -- Who works on it. The lease runs on this server's clock only.
  token uuid,
  lease_until instant,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  retry_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  started_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  finished_at instant,
  PRIMARY KEY (workspace_id, kind, key, scheduled_for),
  CHECK ((state = 'running') = (finished_at IS NULL))
);

CREATE INDEX schedule_runs_open ON schedule_runs (workspace_id, kind, key, scheduled_for) WHERE state = 'running';
-- What is old goes.
CREATE INDEX schedule_runs_finished ON schedule_runs (finished_at) WHERE finished_at IS NOT NULL;

-- Runs that came about and were not made, and why; those that follow each other for one reason are one row.
CREATE TABLE schedule_skips (
  workspace_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  first_for instant NOT NULL,
  last_for instant NOT NULL,
  runs integer NOT NULL,
  reason text NOT NULL,
  decided_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, kind, key, first_for)
);

CREATE INDEX schedule_skips_by_age ON schedule_skips (decided_at);

SELECT muster_guard('schedules');
SELECT muster_guard('schedule_runs');
SELECT muster_guard('schedule_skips');

-- Another zone of the workspace moves what is still to come. What came about before is decided by the zone that it had.
CREATE FUNCTION look_at_schedules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE schedules SET next_at = date_trunc('milliseconds', now()) WHERE workspace_id = NEW.workspace_id;
  RETURN NULL;
END $$;

CREATE TRIGGER workspaces_zone AFTER UPDATE OF zone ON workspaces FOR EACH ROW
  WHEN (OLD.zone IS DISTINCT FROM NEW.zone) EXECUTE FUNCTION look_at_schedules();

-- Series that could be saved before anything started them.
INSERT INTO schedules (workspace_id, kind, key, plan, paused)
SELECT s.workspace_id, 'series', s.key, v.definition -> 'trigger', s.state = 'paused'
FROM series s
JOIN series_versions v ON v.workspace_id = s.workspace_id AND v.series_key = s.key AND v.version = s.version
WHERE s.trigger_type IN ('date', 'schedule') AND s.state <> 'archived';
