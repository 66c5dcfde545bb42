-- How a launched broadcast is sent: chunks of its recipients are rows of `work`, so that relay, epochs, leases and sweep hold
-- for them as they do for the steps of a series.

ALTER TABLE work
  ADD COLUMN kind text NOT NULL DEFAULT 'step' CHECK (kind IN ('step', 'chunk')),
  -- A chunk: the recipients of a run from one number to another, both included.
  ADD COLUMN run_id bigint,
  ADD COLUMN first_number integer,
  ADD COLUMN last_number integer,
  ALTER COLUMN series_key DROP NOT NULL,
  ALTER COLUMN enrollment_id DROP NOT NULL,
  ALTER COLUMN step DROP NOT NULL,
  ADD CONSTRAINT work_step_or_chunk CHECK (
    CASE kind
      WHEN 'step' THEN num_nulls(series_key, enrollment_id, step) = 0
      ELSE num_nulls(run_id, first_number, last_number) = 0
    END
  );

-- Relay: what is due of chunks, however many steps wait beside them; and those that Redis may have lost.
CREATE INDEX work_chunks_due ON work (workspace_id, due_at, id) WHERE kind = 'chunk' AND state = 'pending' AND NOT held;
CREATE INDEX work_chunks_enqueued ON work (enqueued_at) WHERE kind = 'chunk' AND state = 'enqueued';

-- What is still to be done of a run, and whether anything is.
CREATE INDEX work_of_run ON work (workspace_id, run_id)
  WHERE kind = 'chunk' AND state IN ('pending', 'enqueued', 'claimed');

ALTER TABLE broadcast_runs
  -- A message to one person before the launch.
  ADD COLUMN test boolean NOT NULL DEFAULT false,
  -- Attempts since the last one that succeeded, and how many of them pause the run.
  ADD COLUMN failing integer NOT NULL DEFAULT 0,
  ADD COLUMN breaker integer NOT NULL DEFAULT 20,
  -- When the next message may begin under the rate limit, and until when the provider wants to be left alone.
  ADD COLUMN next_slot_at timestamptz NOT NULL DEFAULT '-infinity',
  ADD COLUMN quiet_until timestamptz NOT NULL DEFAULT '-infinity';

ALTER TABLE broadcast_recipients
  -- Whether it waits for an operator where its confirmation is lost.
  ADD COLUMN parks boolean NOT NULL DEFAULT false,
  -- Whether an earlier call may have arrived: whoever is not sent to again after that is unknown, and not skipped.
  ADD COLUMN unsure boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION forget_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE broadcast_recipients r
  SET end_user_id = NULL, message = NULL,
    state = CASE WHEN r.state <> 'pending' THEN r.state WHEN r.unsure THEN 'unknown' ELSE 'skipped' END,
    reason = CASE r.state WHEN 'pending' THEN 'deleted' WHEN 'skipped' THEN r.reason END
  FROM gone WHERE r.workspace_id = gone.workspace_id AND r.end_user_id = gone.id;
  RETURN NULL;
END $$;

-- What the loops look at.
CREATE INDEX broadcast_runs_running ON broadcast_runs (workspace_id, id) WHERE state = 'running';
