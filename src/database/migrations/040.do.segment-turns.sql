-- When people entered and left tracked segments, for their timelines: members say nothing of who left. Kept for 90 days, also when
-- the segment is deleted. Who was in it all along when it was first built is among its members alone.
CREATE TABLE segment_turns (
  workspace_id text COLLATE "C" NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  end_user_id uuid NOT NULL,
  segment_key text COLLATE "C" NOT NULL,
  entered boolean NOT NULL,
  at instant NOT NULL,
  PRIMARY KEY (workspace_id, id),
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);

CREATE INDEX segment_turns_by_person ON segment_turns (workspace_id, end_user_id, at DESC);
-- What is old goes.
CREATE INDEX segment_turns_by_age ON segment_turns (at);

SELECT muster_guard('segment_turns');
