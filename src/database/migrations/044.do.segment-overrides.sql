-- People who are put into a segment or kept out of it by hand, whatever its filter says of them.
CREATE TABLE segment_overrides (
  workspace_id text COLLATE "C" NOT NULL,
  segment_key text COLLATE "C" NOT NULL,
  end_user_id uuid NOT NULL,
  -- Whether they are in it.
  member boolean NOT NULL,
  reason text NOT NULL,
  -- When the filter decides again; NULL for never.
  until instant,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, segment_key, end_user_id),
  FOREIGN KEY (workspace_id, segment_key) REFERENCES segments (workspace_id, key) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);

-- The cascade when a person is deleted, and the next end.
CREATE INDEX segment_overrides_by_person ON segment_overrides (workspace_id, end_user_id);
CREATE INDEX segment_overrides_by_end ON segment_overrides (until) WHERE until IS NOT NULL;

SELECT muster_guard('segment_overrides');
