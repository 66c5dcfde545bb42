-- Series that used to let people in and no longer do.

-- Finds the latest entry of a series, and the one before an instant.
CREATE INDEX enrollments_by_entry ON enrollments (workspace_id, series_key, entered_at);

ALTER TABLE series
  -- The last look at its entries.
  ADD COLUMN silence_looked_at instant,
  -- The latest entry of an active series that lets nobody in for longer than its history explains; NULL otherwise.
  ADD COLUMN silent_since instant;

CREATE INDEX series_silence ON series (silence_looked_at NULLS FIRST) WHERE state = 'active';
CREATE INDEX series_silent ON series (workspace_id, key) WHERE state = 'active' AND silent_since IS NOT NULL;
