-- Which dates of a person a series was started by. Once for each day of a field's value, whatever is tried, killed and
-- tried again; a date that is changed afterwards starts it for the new day only.
CREATE TABLE date_entries (
  workspace_id text COLLATE "C" NOT NULL,
  series_key text COLLATE "C" NOT NULL,
  end_user_id uuid NOT NULL,
  -- The field, as a filter names it.
  field text COLLATE "C" NOT NULL,
  -- The day of the value in UTC, so that a person who moves to another zone keeps it.
  day date NOT NULL,
  at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, series_key, end_user_id, field, day),
  FOREIGN KEY (workspace_id, series_key) REFERENCES series (workspace_id, key) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);

-- Serves the cascade when a person is deleted.
CREATE INDEX date_entries_by_person ON date_entries (workspace_id, end_user_id);
-- What is old goes.
CREATE INDEX date_entries_by_age ON date_entries (at);

SELECT muster_guard('date_entries');

-- A person whom a date or a schedule could not let in is tried again like everybody else.
ALTER TABLE outbox
  DROP CONSTRAINT outbox_kind_check,
  ADD CONSTRAINT outbox_kind_check CHECK (
    kind IN ('user_created', 'user_updated', 'event', 'segment_entered', 'segment_left', 'date', 'schedule')
  );
