-- Decision rules that a workspace saved itself. Rows are only ever added: the highest version of a key is the rule, and one without a
-- definition says that the workspace has none of its own any more.

CREATE TABLE rule_versions (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  key text COLLATE "C" NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  definition jsonb,
  created_at instant NOT NULL DEFAULT date_trunc('milliseconds', now()),
  PRIMARY KEY (workspace_id, key, version)
);

SELECT muster_guard('rule_versions');
