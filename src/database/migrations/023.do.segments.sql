-- Saved segments: a filter under a key. One that is tracked has its members stored; the others are computed when asked.

CREATE TABLE segments (
  workspace_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL CHECK (key ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  name text NOT NULL,
  filter jsonb NOT NULL,
  -- Keys of the segments that the filter names itself, so that what stands inside what is found without reading filters.
  uses text[] COLLATE "C" NOT NULL DEFAULT '{}',
  -- Grows with each change of the filter.
  version integer NOT NULL DEFAULT 1,
  tracked boolean NOT NULL DEFAULT false,
  -- Of a tracked one. `building`: people are gone through for a filter that is new. `quarantined`: it could not be kept, and
  -- its members stay as they were until it is saved again.
  state text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'building', 'quarantined')),
  reason text,
  -- How far the building came, by the person's internal id.
  built_to uuid,
  -- Whether what the building finds is told: a first building finds who was in it all along.
  tells boolean NOT NULL DEFAULT false,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  updated_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, key),
  CHECK (tracked OR state = 'ready')
);

CREATE TABLE segment_members (
  workspace_id text COLLATE "C" NOT NULL,
  segment_key text COLLATE "C" NOT NULL,
  end_user_id uuid NOT NULL,
  entered_at instant NOT NULL,
  PRIMARY KEY (workspace_id, segment_key, end_user_id),
  FOREIGN KEY (workspace_id, segment_key) REFERENCES segments (workspace_id, key) ON DELETE CASCADE,
  FOREIGN KEY (workspace_id, end_user_id) REFERENCES end_users ON DELETE CASCADE
);

-- What one person is in, and the cascade when a person is deleted.
CREATE INDEX segment_members_by_person ON segment_members (workspace_id, end_user_id);

-- One row a workspace. Whoever changes segments or memberships holds it, so that they follow each other.
CREATE TABLE segment_clocks (
  workspace_id text COLLATE "C" PRIMARY KEY,
  -- Grows with each saved change of any segment: filters that were parsed with an older one are parsed anew.
  revision bigint NOT NULL DEFAULT 0
);

SELECT muster_guard('segments');
SELECT muster_guard('segment_members');
SELECT muster_guard('segment_clocks');
